<?php
/* /pricing: what can be bought. Also error_path, cancel_path, and where the gate
 * sends who has not bought what she wants to see. */
require __DIR__ . '/shop.php';

/* What is for sale: the names of the plans in tollgate.conf, and intervals of their prices. */
const OFFERS = [
	['basic', 'month', 'Basic, 5 € a month'],
	['premium', 'month', 'Premium, 15 € a month'],
	['premium', 'year', 'Premium, 150 € a year'],
];

const ERRORS = [
	'already_subscribed' => 'You have this subscription already: your account shows it.',
	'identity_required' => 'Please log in first.',
	'rate_limited' => 'That was too often. Please wait a moment.',
];

begin();
$error = field($_GET, 'error');
page_begin('Pricing');
?>
<?php if ($error !== ''): ?>
<p role="alert" id="error"><?= text(ERRORS[$error] ?? 'That did not work. Nothing was charged; please try again.') ?></p>
<?php endif ?>
<?php foreach (OFFERS as [$plan, $interval, $label]): ?>
<?php if (user() !== null): ?>
<form method="post" action="/billing/create-checkout-session">
<input type="hidden" name="plan" value="<?= text($plan) ?>">
<input type="hidden" name="interval" value="<?= text($interval) ?>">
<p><button id="<?= text("$plan-$interval") ?>"><?= text($label) ?></button></p>
</form>
<?php else: ?>
<p><?= text($label) ?></p>
<?php endif ?>
<?php endforeach ?>
<?php if (user() === null): ?>
<p><a href="/login?next=/pricing">Log in to subscribe</a></p>
<?php endif ?>
