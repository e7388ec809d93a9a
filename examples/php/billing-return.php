<?php
/* /billing/return: success_path, where Stripe sends the customer back to. That
 * she is here proves nothing: tollgate is asked how the payment ended. */
require __DIR__ . '/shop.php';

const OUTCOMES = [
	'paid' => ['Welcome', 'Thank you. Your subscription has begun.'],
	'unpaid' => ['Your payment is on its way', 'Your bank takes a while. Your account shows when it is there.'],
	'open' => ['Not paid yet', 'Nothing was charged.'],
	'expired' => ['This order has expired', 'Nothing was charged.'],
	'unknown' => ['We cannot tell yet', 'Your account shows the subscription as soon as it is there.'],
];

function outcome(array $answer): string
{
	$status = $answer['status'] ?? 'unknown';
	if ($status === 'complete') {
		return ($answer['payment_status'] ?? '') === 'unpaid' ? 'unpaid' : 'paid';
	}
	return isset(OUTCOMES[$status]) ? $status : 'unknown';
}

begin();
if (user() === null) {
	redirect('/login?next=' . rawurlencode($_SERVER['REQUEST_URI']));
}
$session = field($_GET, 'session_id');
$outcome = outcome(ask_tollgate('/billing/session-status?session_id=' . rawurlencode($session)));
[$title, $sentence] = OUTCOMES[$outcome];
page_begin($title);
?>
<p id="outcome" data-outcome="<?= $outcome ?>"><?= text($sentence) ?></p>
<p><a href="/members/report">To the members' pages</a>, or to <a href="/account">your account</a></p>
