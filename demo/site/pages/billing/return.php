<?php
/* Where Stripe sends the customer back to: how did it end? */
require __DIR__ . '/../../frame.php';

/* Asks tollgate as the visitor, with her own cookie. */
function checkout_status(string $id): array
{
	$url = "http://127.0.0.1:{$_SERVER['SERVER_PORT']}/billing/session-status?session_id=" . rawurlencode($id);
	$headers = "Accept: application/json\r\nCookie: " . ($_SERVER['HTTP_COOKIE'] ?? '');
	$options = ['http' => ['header' => $headers, 'ignore_errors' => true, 'timeout' => 30]];
	$answer = @file_get_contents($url, false, stream_context_create($options));
	return is_string($answer) ? json_decode($answer, true) ?? [] : [];
}

const OUTCOMES = [
	'paid' => ['Welcome aboard', 'Thank you. Your subscription has begun.', '/members/', 'Open the tide tables'],
	'unpaid' => ['Your payment is on its way', 'Your bank will take a while. Your account shows when it is there.',
		'/account', 'Your account'],
	'open' => ['Not paid yet', 'Nothing was charged.', '/pricing', 'Back to the plans'],
	'expired' => ['This order has expired', 'Nothing was charged.', '/pricing', 'Back to the plans'],
	'unknown' => ['We cannot tell yet', 'Your account will show the subscription as soon as it is there.',
		'/account', 'Your account'],
];

function outcome(array $answer): string
{
	$status = $answer['status'] ?? 'unknown';
	if ($status === 'complete') {
		return ($answer['payment_status'] ?? '') === 'unpaid' ? 'unpaid' : 'paid';
	}
	return isset(OUTCOMES[$status]) ? $status : 'unknown';
}

$outcome = outcome(checkout_status((string) ($_GET['session_id'] ?? '')));
if ($outcome === 'open' && isset($_SESSION['checkout'])) {
	redirect($_SESSION['checkout'] . '&again=1');
}
[$title, $sentence, $path, $label] = OUTCOMES[$outcome];
page_begin($title);
?>
<div class="narrow" id="outcome" data-outcome="<?= $outcome ?>">
<h1><?= $title ?></h1>
<p class="lead"><?= $sentence ?></p>
<p><a class="button" href="<?= $path ?>"><?= $label ?></a></p>
</div>
<?php
page_end();
