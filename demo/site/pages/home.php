<?php
require __DIR__ . '/../frame.php';
page_begin('Tides for small harbours');
?>
<section class="hero">
<h1>The sea keeps its appointments. So can you.</h1>
<p class="lead">High and low water for forty small harbours, worked out by people who sail from them.</p>
<p class="actions"><a class="button" href="/pricing">See the plans</a> <a href="/members/">Open the tide tables</a></p>
<svg class="tide" viewBox="0 0 1200 160" preserveAspectRatio="none" aria-hidden="true">
<path class="water" d="M0 80 C100 10 200 10 300 80 S500 150 600 80 S800 10 900 80 S1100 150 1200 80 V160 H0 Z"/>
<path class="line" d="M0 80 C100 10 200 10 300 80 S500 150 600 80 S800 10 900 80 S1100 150 1200 80"/>
</svg>
</section>

<section class="columns" aria-label="What there is">
<div><h2>Once you are logged in</h2><p><a href="/harbours/">Harbour notes</a>, which are free.</p></div>
<div><h2>For subscribers</h2><p><a href="/members/">Tide tables</a>: a plain HTML file. Only the web server knows
that it is worth money.</p></div>
<div><h2>For Premium</h2><p><a href="/premium/">Passage notes</a>, which a Basic subscription does not open.</p></div>
</section>
<?php
page_end();
