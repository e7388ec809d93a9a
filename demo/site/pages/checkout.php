<?php
/* Stripe's payment form, embedded in the site's own page. */
require __DIR__ . '/../frame.php';

require_user();
$plan = (string) ($_GET['plan'] ?? '');
$interval = (string) ($_GET['interval'] ?? '');
$_SESSION['checkout'] = '/checkout?' . http_build_query(['plan' => $plan, 'interval' => $interval]);
page_begin('Checkout', 'checkout.js');
?>
<h1>Checkout</h1>
<?php if (isset($_GET['again'])): ?>
<p class="notice" role="status">The payment was not finished, and nothing was charged. Here is the form again.</p>
<?php endif ?>
<p class="notice" id="problem" role="alert" hidden></p>
<div class="card" id="checkout" data-plan="<?= text($plan) ?>" data-interval="<?= text($interval) ?>">
<p>One moment…</p>
</div>
<p class="after"><a href="/pricing?pay=embedded">Back to the plans</a></p>
<noscript><p class="notice">This form needs JavaScript. <a href="/pricing">Pay on Stripe's page instead.</a></p></noscript>
<?php
page_end();
