<?php
/* Runs whether the gate lets her pass or not: the web server hands over what it said. */
require __DIR__ . '/../frame.php';

const STATUSES = [
	'trialing' => 'Trial', 'active' => 'Active', 'past_due' => 'Payment overdue', 'unpaid' => 'Unpaid',
	'paused' => 'Paused', 'canceled' => 'Cancelled', 'incomplete' => 'Payment not finished',
	'incomplete_expired' => 'Never paid',
];

/* What the gate said, as rows of a table. */
function rows(): array
{
	$until = (int) $_SERVER['TOLLGATE_UNTIL'];
	return array_filter([
		'User' => $_SERVER['TOLLGATE_USER'],
		'Plan' => ucfirst($_SERVER['TOLLGATE_PLAN']),
		'Status' => STATUSES[$_SERVER['TOLLGATE_STATUS']] ?? '',
		'Open until' => $until ? gmdate('j F Y', $until) : '',
		'Features' => str_replace(',', ', ', $_SERVER['TOLLGATE_FEATURES']),
	]);
}

/* Who may well have paid is not sold anything. */
$unsure = in_array($_SERVER['TOLLGATE_REASON'], ['unavailable', 'stale', 'misconfigured'], true);
$ended = in_array($_SERVER['TOLLGATE_STATUS'], ['', 'canceled', 'incomplete_expired'], true);
page_begin('Account', 'account.js');
?>
<div class="narrow" id="account" aria-busy="true" data-reason="<?= text($_SERVER['TOLLGATE_REASON']) ?>">
<h1>Your account</h1>
<?php if ($unsure): ?>
<p class="notice" role="status">Your subscription cannot be checked right now. Please try again in a moment.</p>
<?php elseif ($_SERVER['TOLLGATE_STATUS'] === ''): ?>
<p class="lead">You have no subscription.</p>
<?php endif ?>
<p class="notice" id="message" role="status" tabindex="-1" hidden></p>
<p class="notice" id="problem" role="alert" hidden></p>
<div id="subscriptions"></div>
<table class="card" id="gate">
<?php foreach (rows() as $name => $value): ?>
<tr><th scope="row"><?= $name ?></th><td><?= text($value) ?></td></tr>
<?php endforeach ?>
</table>
<section id="invoices" hidden>
<h2>Invoices</h2>
<table class="card">
<thead><tr><th scope="col">Date</th><th scope="col">Amount</th><th scope="col">Status</th><th scope="col">Copy</th></tr></thead>
<tbody></tbody>
</table>
</section>
<div class="actions">
<?php if ($ended && !$unsure): ?>
<a class="button" href="/pricing">Choose a plan</a>
<?php endif ?>
<?php if ($_SERVER['TOLLGATE_STATUS'] !== ''): ?>
<form method="post" action="/billing/customer-portal"><button class="button" id="portal">Manage billing</button></form>
<?php endif ?>
<form method="post" action="/logout"><button class="button quiet">Log out</button></form>
</div>
</div>
<?php require __DIR__ . '/../dialogs.html' ?>
<?php
page_end();
