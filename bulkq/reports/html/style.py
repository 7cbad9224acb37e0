"""The style sheet of the page: light and dark, wide and narrow, on paper."""

from __future__ import annotations

STYLE = """
:root{color-scheme:light dark;--bg:#f6f7f9;--card:#fff;--ink:#1c2330;--quiet:#5d6878;--line:#dfe3e9;--soft:#eef1f5;
--pass:#1f8a55;--warn:#b26a00;--fail:#cc2f3b;--error:#7a3fc2;--pass-bg:#e3f4ea;--warn-bg:#fdf0d9;--fail-bg:#fde6e8;
--error-bg:#f0e7fb;--accent:#2f5fd0;--shade:#1c233055}
@media(prefers-color-scheme:dark){:root{--bg:#12161d;--card:#1b212b;--ink:#e6eaf0;--quiet:#98a3b3;--line:#303947;--soft:#242c38;
--pass:#4cc387;--warn:#e5a53a;--fail:#f2717b;--error:#b48af0;--pass-bg:#173527;--warn-bg:#3a2c12;--fail-bg:#40191e;
--error-bg:#2e2145;--accent:#86a8f8;--shade:#000c}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",
"Liberation Sans",sans-serif;-webkit-text-size-adjust:100%}
main{max-width:1120px;margin:0 auto;padding:28px 24px 60px}
code,td,.name{overflow-wrap:anywhere}
code{font:.92em ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace}
h1{font-size:26px;line-height:1.25;margin:2px 0 10px;font-weight:650;letter-spacing:-.01em;overflow-wrap:anywhere}
h2{font-size:17px;margin:34px 0 12px;font-weight:650}
h3{font-size:14px;margin:20px 0 8px;font-weight:650}
p{margin:6px 0;overflow-wrap:anywhere}
.quiet,.meta,.eyebrow{color:var(--quiet);font-size:13.5px}
header{background:var(--card);border:1px solid var(--line);border-left:6px solid var(--ink);border-radius:10px;padding:18px 22px 14px}
header.pass{border-left-color:var(--pass)}header.warn{border-left-color:var(--warn)}
header.fail{border-left-color:var(--fail)}header.error{border-left-color:var(--error)}
.eyebrow{margin:0;font-weight:600;letter-spacing:.02em}
.meta{display:flex;flex-wrap:wrap;gap:2px 18px;margin:8px 0 0}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(152px,1fr));gap:12px;margin:16px 0 12px}
.tile{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:12px 16px}
.tile b{display:block;font-size:28px;line-height:1.15;font-weight:650;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
.tile span{color:var(--quiet);font-size:13.5px}
.tile.pass b{color:var(--pass)}.tile.warn b{color:var(--warn)}.tile.fail b{color:var(--fail)}.tile.error b{color:var(--error)}
.tile.none b{color:var(--quiet);font-weight:400}
svg{display:block}
svg .pass{fill:var(--pass)}svg .warn{fill:var(--warn)}svg .fail{fill:var(--fail)}svg .error{fill:var(--error)}
svg .ink{fill:var(--accent)}svg .now{fill:var(--ink)}svg line{stroke:var(--line)}
svg.share{width:100%;height:8px;border-radius:4px;background:var(--soft);overflow:hidden}
.history .pass{fill-opacity:.7}
.contents{display:flex;flex-wrap:wrap;gap:2px 20px;margin:14px 0 0;font-size:13.5px}.contents a{color:var(--accent)}
.filters{display:flex;flex-wrap:wrap;gap:8px 18px;margin:14px 0 -12px}
.filters span{display:flex;flex-wrap:wrap;gap:4px;min-width:0;max-width:100%}
.filters label{border:1px solid var(--line);background:var(--card);border-radius:16px;padding:3px 13px;font-size:13.5px;cursor:pointer;
max-width:100%;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.filters b{font-weight:500;opacity:.65;padding-left:2px}.filters label:hover{border-color:var(--quiet)}
body>input{position:absolute;opacity:0;pointer-events:none}
#v-all:checked~main [for=v-all],#v-pass:checked~main [for=v-pass],#v-warn:checked~main [for=v-warn],
#v-fail:checked~main [for=v-fail],#v-error:checked~main [for=v-error],#v-skip:checked~main [for=v-skip]{
background:var(--ink);border-color:var(--ink);color:var(--card)}
#v-all:focus-visible~main [for=v-all],#v-pass:focus-visible~main [for=v-pass],#v-warn:focus-visible~main [for=v-warn],
#v-fail:focus-visible~main [for=v-fail],#v-error:focus-visible~main [for=v-error],
#v-skip:focus-visible~main [for=v-skip]{outline:2px solid var(--accent);outline-offset:2px}
#v-pass:checked~main .item:not(.pass),#v-warn:checked~main .item:not(.warn),#v-fail:checked~main .item:not(.fail),
#v-error:checked~main .item:not(.error),#v-skip:checked~main .item:not(.skip){display:none}
#v-pass:checked~main .bad,#v-warn:checked~main .good,#v-fail:checked~main .good,#v-error:checked~main .good,
#v-skip:checked~main .good{display:none}
.card{background:var(--card);border:1px solid var(--line);border-left:4px solid var(--line);border-radius:8px;margin:8px 0}
.card.warn{border-left-color:var(--warn)}.card.fail{border-left-color:var(--fail)}.card.error{border-left-color:var(--error)}
.card:target{outline:2px solid var(--accent)}
summary{cursor:pointer}
.card>summary{display:grid;grid-template-columns:58px minmax(0,1fr) minmax(0,1.3fr) auto 66px;gap:4px 14px;
align-items:center;padding:9px 16px 9px 12px;list-style:none}
.card>summary::-webkit-details-marker{display:none}
.card>summary:hover{background:var(--soft);border-radius:8px}
.pill{border-radius:5px;padding:1px 0;font-size:12.5px;font-weight:650;text-align:center;width:54px}
.pill.pass{background:var(--pass-bg);color:var(--pass)}.pill.warn{background:var(--warn-bg);color:var(--warn)}
.pill.fail{background:var(--fail-bg);color:var(--fail)}.pill.error{background:var(--error-bg);color:var(--error)}
.who{grid-column:2;display:flex;flex-wrap:wrap;align-items:center;gap:2px 10px;min-width:0}
.name{font-weight:600;min-width:0}
.target{background:var(--soft);border-radius:5px;padding:1px 8px;font-size:13px;min-width:0;max-width:100%;overflow-wrap:anywhere}
.found{grid-column:3;color:var(--quiet);font-size:14px;overflow:hidden;overflow-wrap:anywhere;
display:-webkit-box;-webkit-box-orient:vertical;-webkit-line-clamp:2}
[open]>summary>.found{display:block}
.card .history{grid-column:4;justify-self:end}
.time{grid-column:5;text-align:right;color:var(--quiet);font-size:13.5px;font-variant-numeric:tabular-nums;white-space:nowrap}
.body{padding:2px 18px 14px 84px}
.message{font-weight:600}
dl{display:flex;flex-wrap:wrap;gap:6px 28px;margin:8px 0 10px}
dt{color:var(--quiet);font-size:12.5px}dd{margin:0;overflow-wrap:anywhere}
.wide{overflow-x:auto;max-width:100%}
.edge{width:fit-content;border:1px solid var(--line);border-radius:8px;background:
linear-gradient(to right,var(--card) 35%,transparent) left/40px 100% no-repeat local,
linear-gradient(to left,var(--card) 35%,transparent) right/40px 100% no-repeat local,
linear-gradient(to right,var(--shade),transparent) left/16px 100% no-repeat scroll,
linear-gradient(to left,var(--shade),transparent) right/16px 100% no-repeat scroll,var(--card)}
table{border-collapse:collapse;font-size:14px}
th{text-align:left;font-weight:600;color:var(--quiet);font-size:12.5px;vertical-align:bottom}
td,th{padding:5px 14px 5px 0;vertical-align:top}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.data{border-collapse:separate;border-spacing:0}
.data td,.data th{padding:4px 12px;border-bottom:1px solid var(--line);max-width:520px;min-width:56px}
.data td{white-space:pre}.data td.long{white-space:pre-wrap;min-width:300px}
.data tr:last-child td{border-bottom:0}
.data td{font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace}
.null{color:var(--quiet);font-style:italic}
.list{width:100%}
.list td{border-top:1px solid var(--line)}
.list tbody:first-child tr:first-child td{border-top:0}.list td:first-child{min-width:220px}.list th{white-space:nowrap}
.list .history{margin-top:-4px}
.slow td:first-child{position:relative;padding-left:16px}
.slow .dot{position:absolute;left:0;top:12px}.slow .bar{vertical-align:top;padding-top:12px}.list thead th{padding-bottom:6px}
small{display:block;color:var(--quiet);font-size:12.5px;overflow-wrap:anywhere}
section:not(.bad)>.wide:not(:has(.matrix,.data)),section>.lanes{
background:var(--card);border:1px solid var(--line);border-radius:10px;padding:10px 16px}
.past{margin-top:10px}.past>summary{color:var(--quiet);font-size:13.5px}
.dot{display:inline-block;width:9px;height:9px;border-radius:50%;margin-right:7px}
.dot.pass{background:var(--pass)}.dot.warn{background:var(--warn)}.dot.fail{background:var(--fail)}.dot.error{background:var(--error)}
.bar{width:38%;min-width:90px;vertical-align:middle;padding-right:0}
.edge:has(.matrix){width:auto}
.matrix{border-collapse:separate;border-spacing:0;min-width:100%}
.matrix td{text-align:center;padding:3px 10px;border-top:1px solid var(--line)}
.matrix thead th{padding:8px 10px;text-align:center;vertical-align:bottom;min-width:90px;max-width:340px;overflow-wrap:anywhere}
.many thead th{min-width:0}.many thead span{display:inline-block;writing-mode:vertical-rl;transform:rotate(180deg);text-align:left;
white-space:nowrap;max-height:230px;overflow:hidden;text-overflow:ellipsis}
.matrix tbody th{position:sticky;left:0;background:var(--card);padding:3px 18px 3px 16px;border-top:1px solid var(--line);
color:var(--ink);font-weight:500;font-size:14px;min-width:150px;max-width:420px;overflow-wrap:anywhere;vertical-align:middle}
.matrix a{text-decoration:none}
.sign{display:inline-block;width:26px;border-radius:5px;font-weight:700;font-size:13px;line-height:22px}
.sign.pass{color:var(--pass)}.sign.warn{background:var(--warn-bg);color:var(--warn)}
.sign.fail{background:var(--fail-bg);color:var(--fail)}.sign.error{background:var(--error-bg);color:var(--error)}
.lanes{display:flex;gap:12px}
.names span{display:flex;align-items:center;font-size:12px;color:var(--quiet);white-space:nowrap}
.plot{flex:1;min-width:0}.plot svg{width:100%;overflow:visible}.plot rect{rx:2px}
.axis{position:relative;height:20px;font-size:12px;color:var(--quiet)}.axis span{position:absolute;top:3px;white-space:nowrap}
.axis span+span{transform:translateX(-50%)}.axis span+.end{transform:translateX(-100%)}
.series{display:grid;grid-template-columns:minmax(90px,170px) minmax(0,1fr);gap:8px 14px;background:var(--card);
border:1px solid var(--line);border-radius:10px;padding:12px 16px 6px}
.series svg{width:100%;height:64px;border-bottom:1px solid var(--line)}.series .measure{align-self:center;min-width:0}
.measure b{display:block;font-size:13px;font-weight:600;overflow-wrap:anywhere}.measure span{font-size:12px;color:var(--quiet)}
svg .area{fill:var(--accent);fill-opacity:.28;stroke:var(--accent);stroke-width:1.2;vector-effect:non-scaling-stroke}
svg .held{fill:var(--warn);fill-opacity:.2}.series line{vector-effect:non-scaling-stroke}
svg line.limit{stroke:var(--fail);stroke-dasharray:5 4}svg line.change{stroke:var(--ink);stroke-width:1.5}
.files{padding-left:20px}
.reason{font-weight:600}
@media(max-width:760px){main{padding:12px 12px 40px}header{padding:14px 16px 12px}h1{font-size:21px}
.tiles{grid-template-columns:repeat(4,1fr);gap:6px}.tile{padding:8px 10px}.tile b{font-size:21px}.tile span{font-size:12px}
.card>summary{grid-template-columns:58px minmax(0,1fr) auto;gap:2px 8px;padding:9px 10px}
.time{grid-column:3;grid-row:1}.found{grid-column:2/4;display:block}.card .history{grid-column:2/4;justify-self:start}
.body{padding:2px 12px 12px}dl{gap:6px 20px}
.matrix tbody th{min-width:110px;max-width:170px}.matrix thead th{min-width:0}
.matrix thead span{display:inline-block;writing-mode:vertical-rl;transform:rotate(180deg);text-align:left;white-space:nowrap;
max-height:230px;overflow:hidden;text-overflow:ellipsis}.list td:first-child{min-width:150px}.queries .bar{display:none}.bar{width:30%}}
@media print{:root{color-scheme:light;--bg:#fff;--card:#fff;--ink:#000;--quiet:#444;--line:#bbb;--soft:#eee;--pass:#1f8a55;
--warn:#b26a00;--fail:#cc2f3b;--error:#7a3fc2;--pass-bg:#e3f4ea;--warn-bg:#fdf0d9;--fail-bg:#fde6e8;--error-bg:#f0e7fb}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}body{font-size:11pt}main{max-width:none;padding:0}.filters,.contents{display:none}
.found{display:block}.edge{background:none}
.card>summary,tr,dl,.lanes,.tiles{break-inside:avoid}.card>summary{break-after:avoid}h2,h3{break-after:avoid}.wide{overflow:visible}
.card::details-content{content-visibility:visible;block-size:auto}}
"""


def target_rules(targets: int) -> str:
    """The rules of the filters for `targets` targets."""
    names = ["all", *map(str, range(targets))] if targets else []
    chosen = ",".join(f"#t-{name}:checked~main [for=t-{name}]" for name in names)
    focused = ",".join(f"#t-{name}:focus-visible~main [for=t-{name}]" for name in names)
    hidden = ",".join(f"#t-{name}:checked~main .item:not(.t{name})" for name in names[1:])
    if not names:
        return ""
    return (
        f"{chosen}{{background:var(--ink);border-color:var(--ink);color:var(--card)}}\n"
        f"{focused}{{outline:2px solid var(--accent);outline-offset:2px}}\n{hidden}{{display:none}}\n"
    )
