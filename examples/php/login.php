<?php
/* /login: the site's own login, and where the gate sends strangers, with ?next=. */
require __DIR__ . '/shop.php';
require __DIR__ . '/users.php';

const TURNS = 5;         // of which the gate refuses all:
const TURNS_SECONDS = 10; // then it is not about this visitor

function log_in(array $user): void
{
	session_regenerate_id(true);
	$_SESSION = ['user' => $user];
	identify();
}

/* Who is logged in here was sent because her token was missing or had expired.
 * With a new one she goes back; but not forever, if the gate likes none of them. */
function send_back(string $next): void
{
	$turns = array_filter($_SESSION['turns'] ?? [], fn(int $at): bool => $at > time() - TURNS_SECONDS);
	if (count($turns) >= TURNS) {
		error_log('tollgate refuses our tokens: do SHOP_SITE and the identity key agree with tollgate.conf?');
		stop(500, 'This page cannot be opened right now. Please try again later.');
	}
	$_SESSION['turns'] = array_merge($turns, [time()]);
	identify();
	redirect($next);
}

begin();
$next = next_path();
$name = field($_POST, 'name');
$failed = false;
if ($_SERVER['REQUEST_METHOD'] === 'POST') {
	csrf_check();
	$user = find_user(setting('SHOP_USERS_FILE'), $name, field($_POST, 'password'));
	if ($user !== null) {
		log_in($user);
		redirect($next);
	}
	$failed = true;
	http_response_code(403);
} elseif (user() !== null) {
	send_back($next);
}
page_begin('Log in');
?>
<?php if ($failed): ?>
<p role="alert">This name and this password do not belong together.</p>
<?php endif ?>
<form method="post" action="/login">
<?= csrf_field() ?>
<input type="hidden" name="next" value="<?= text($next) ?>">
<p><label>Name <input name="name" autocomplete="username" required value="<?= text($name) ?>"></label></p>
<p><label>Password <input name="password" type="password" autocomplete="current-password" required></label></p>
<p><button id="login">Log in</button></p>
</form>
