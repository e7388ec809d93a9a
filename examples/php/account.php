<?php
/* /account: portal_return_path, and where the gate sends who has to mend a payment. */
require __DIR__ . '/shop.php';

const STATUSES = [
	'trialing' => 'Trial', 'active' => 'Active', 'past_due' => 'Payment overdue', 'unpaid' => 'Unpaid',
	'paused' => 'Paused', 'canceled' => 'Cancelled', 'incomplete' => 'Payment not finished',
	'incomplete_expired' => 'Never paid',
];

const OVER = ['canceled', 'incomplete_expired'];

/* "Premium: Active, until 1 May 2027" */
function summary(array $subscription): string
{
	$text = ucfirst($subscription['plan'] ?? 'Another plan') . ': '
		. (STATUSES[$subscription['status']] ?? $subscription['status']);
	if ($subscription['current_period_end'] !== null && !in_array($subscription['status'], OVER, true)) {
		$text .= ($subscription['cancel_at_period_end'] ? ', ends ' : ', until ')
			. gmdate('j F Y', $subscription['current_period_end']);
	}
	return $text;
}

begin();
if (user() === null) {
	redirect('/login?next=/account');
}
/* Absent when tollgate cannot say: who may well have paid is not told otherwise. */
$subscriptions = ask_tollgate('/billing/subscriptions')['subscriptions']['data'] ?? null;
page_begin('Your account');
?>
<p>You are <span id="name"><?= text(user()['name']) ?></span>.</p>
<?php if ($subscriptions === null): ?>
<p role="status">Your subscriptions cannot be shown right now. Please try again in a moment.</p>
<?php elseif ($subscriptions === []): ?>
<p>You have no subscription. <a href="/pricing">Choose a plan</a></p>
<?php else: ?>
<ul id="subscriptions">
<?php foreach ($subscriptions as $one): ?>
<li><?= text(summary($one)) ?></li>
<?php endforeach ?>
</ul>
<form method="post" action="/billing/customer-portal">
<p><button id="portal">Payment, invoices, cancellation</button></p>
</form>
<?php endif ?>
<form method="post" action="/logout">
<?= csrf_field() ?>
<p><button id="logout">Log out</button></p>
</form>
