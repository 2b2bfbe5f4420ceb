"""How the page of a profile looks, in light, in the dark and on paper."""

from typing import Final

STYLE: Final = """
:root{--ink:#1c2430;--dim:#5b6675;--paper:#fff;--line:#d5dae1;--track:#eef0f3;
--present:#2f7d6b;--missing:#c9a227;--rejected:#b3392f}
@media(prefers-color-scheme:dark){:root{--ink:#e4e8ee;--dim:#9aa5b4;--paper:#14181e;--line:#333b46;
--track:#232a33;--present:#4fae97;--missing:#d8b646;--rejected:#e06c60}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);
font:15px/1.55 system-ui,"Noto Sans CJK SC","Source Han Sans SC","Microsoft YaHei","PingFang SC",sans-serif}
main{max-width:1080px;margin:0 auto;padding:24px 20px}
h1{font-size:1.5rem;margin:0 0 8px}h2{font-size:1.15rem;margin:28px 0 8px}h3{font-size:1rem;margin:12px 0 4px}
h1 [lang=en],h2 [lang=en],h3 [lang=en],th [lang=en]{color:var(--dim);font-weight:400}
h1 [lang=en]{display:block;font-size:1rem}
p{margin:4px 0}.note{color:var(--dim)}
ol{padding-left:1.6em}ol li{margin:6px 0}ol [lang=en]{color:var(--dim)}
ol.fix{border-left:4px solid var(--rejected)}ol.know{border-left:4px solid var(--line)}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{border-bottom:1px solid var(--line);padding:5px 10px;text-align:left;vertical-align:top}
th [lang]{display:block}
code{font-family:ui-monospace,Consolas,monospace}
svg{display:block;width:100%;height:auto;margin:8px 0 14px;max-width:860px}
svg text{fill:var(--ink);font-size:12px;dominant-baseline:middle}svg .end{text-anchor:end}
rect.track{fill:var(--track)}
rect.present{fill:var(--present)}rect.missing{fill:var(--missing)}rect.rejected{fill:var(--rejected)}
.legend span{margin-right:6px}.legend i{display:inline-block;width:.8em;height:.8em;margin-right:6px}
i.present{background:var(--present)}i.missing{background:var(--missing)}i.rejected{background:var(--rejected)}
@media print{:root{--ink:#000;--dim:#444;--paper:#fff;--line:#999;--track:#eee}
body{font-size:10pt}main{max-width:none;padding:0}section{break-inside:avoid}.wide{overflow:visible}
svg,i{print-color-adjust:exact;-webkit-print-color-adjust:exact}a{color:inherit}}
"""
"""Its hash is in the page's policy, so that no other style is applied."""
