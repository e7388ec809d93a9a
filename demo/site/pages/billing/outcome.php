<?php
/* Where Stripe sends the customer after the site's own form; outcome.js asks how it ended. */
require __DIR__ . '/../../frame.php';

page_begin('Your payment', 'outcome.js');
?>
<div class="narrow" id="outcome" role="status" aria-busy="true">
<h1 id="title">One moment…</h1>
<p class="lead" id="sentence">We ask how your payment ended.</p>
<p><a class="button" id="next" hidden></a></p>
<noscript><p><a class="button" href="/account">Your account shows it</a></p></noscript>
</div>
<?php
page_end();
