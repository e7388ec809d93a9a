<?php
require __DIR__ . '/../frame.php';

const ERRORS = [
	'already_subscribed' => 'You have this subscription already. <a href="/account">Your account</a> shows it.',
	'identity_required' => 'Please <a href="/login?next=/pricing">log in</a> first.',
];

/* Three ways to take a payment: a real site chooses one. */
const WAYS = [
	'hosted' => ["On Stripe's page", 'method="post" action="/billing/create-checkout-session"'],
	'embedded' => ["Stripe's form in our page", 'method="get" action="/checkout"'],
	'own' => ['Our own form', 'method="get" action="/subscribe"'],
];

function way(): string
{
	$way = (string) ($_GET['pay'] ?? '');
	return isset(WAYS[$way]) ? $way : 'hosted';
}

function way_link(string $way): string
{
	$here = $way === way() ? ' aria-current="true"' : '';
	return "<li><a href=\"/pricing?pay=$way\"$here>" . WAYS[$way][0] . '</a></li>';
}

/* The order form; without scripts, and with one button for each interval. */
function order(string $plan, array $buttons): void
{
	if (user() === '') {
		$next = rawurlencode($_SERVER['REQUEST_URI']);
		echo "<p><a class=\"button\" href=\"/login?next=$next\">Log in to subscribe</a></p>";
		return;
	}
	echo '<form ' . WAYS[way()][1] . '>';
	echo "<input type=\"hidden\" name=\"plan\" value=\"$plan\">";
	foreach ($buttons as $interval => $label) {
		echo "<button class=\"button\" id=\"$plan-$interval\" name=\"interval\" value=\"$interval\">$label</button>";
	}
	echo '</form>';
}

unset($_SESSION['checkout']);
page_begin('Pricing');
?>
<h1>Pricing</h1>
<?php if (isset($_GET['error'])): ?>
<p class="notice" role="alert"><?= ERRORS[(string) $_GET['error']] ?? 'That did not work. Nothing was charged; please try again.' ?></p>
<?php endif ?>
<p class="lead">Every plan can be cancelled in your account, at once.</p>
<nav class="ways" aria-label="Where to pay">
<ul><?= implode(array_map('way_link', array_keys(WAYS))) ?></ul>
</nav>
<div class="plans">
<section class="card" aria-labelledby="free">
<h2 id="free">Free</h2>
<p class="price"><strong>$0</strong></p>
<ul><li>Harbour notes</li><li>The view from the pier</li></ul>
<p><a class="button quiet" href="/harbours/">Open the harbour notes</a></p>
</section>
<section class="card" aria-labelledby="basic">
<h2 id="basic">Basic</h2>
<p class="price"><strong>$5</strong> a month</p>
<ul><li>Tide tables for forty harbours</li><li>Seven days ahead</li></ul>
<?php order('basic', ['month' => 'Subscribe to Basic']) ?>
</section>
<section class="card best" aria-labelledby="premium">
<h2 id="premium">Premium</h2>
<p class="price"><strong>$15</strong> a month, or&nbsp;$150&nbsp;a&nbsp;year</p>
<ul><li>Everything in Basic</li><li>Passage notes</li></ul>
<?php order('premium', ['month' => 'Premium, monthly', 'year' => 'Premium, yearly']) ?>
</section>
</div>
<?php
page_end();
