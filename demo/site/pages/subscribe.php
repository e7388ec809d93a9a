<?php
/* The site's own payment form; subscribe.js fills it. */
require __DIR__ . '/../frame.php';

require_user();
$plan = (string) ($_GET['plan'] ?? '');
$interval = (string) ($_GET['interval'] ?? '');
page_begin('Subscribe', 'subscribe.js');
?>
<div class="narrow">
<h1>Subscribe to <?= text(ucfirst($plan)) ?></h1>
<p class="notice" id="problem" role="alert" hidden></p>
<form class="card" id="payment-form" data-plan="<?= text($plan) ?>" data-interval="<?= text($interval) ?>">
<p class="lead" id="price" aria-live="polite">One moment…</p>
<div id="payment-element"></div>
<button class="button" id="submit" aria-disabled="true">Subscribe</button>
</form>
<p class="after"><a href="/pricing?pay=own">Back to the plans</a></p>
<noscript><p class="notice">This form needs JavaScript. <a href="/pricing">Pay on Stripe's page instead.</a></p></noscript>
</div>
<?php
page_end();
