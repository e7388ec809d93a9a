<?php
/* A pretend login: whoever gives a name is that user. A real site checks something first. */
require __DIR__ . '/../frame.php';
require __DIR__ . '/../identity.php';

function log_in(string $user): void
{
	session_regenerate_id(true);
	$_SESSION['user'] = $user;
	$key = trim(file_get_contents($_SERVER['IDENTITY_KEY_FILE']));
	identity_cookie(identity_token($user, "$user@example.com", $key), IDENTITY_SECONDS);
}

$next = own_path((string) ($_REQUEST['next'] ?? '/'));
$asked = $_SERVER['REQUEST_METHOD'] === 'POST' ? (string) ($_POST['user'] ?? '') : '';
if (preg_match('/^[a-z0-9][a-z0-9._-]{0,39}$/D', $asked)) {
	log_in($asked);
	redirect($next);
}

page_begin('Log in');
?>
<div class="narrow">
<h1>Log in</h1>
<p>Any name will do, and there is no password. Another name is another customer.</p>
<form class="card" method="post" action="/login">
<?php if ($asked !== ''): ?>
<p class="notice" role="alert">Small letters, digits, dots and dashes, please.</p>
<?php endif ?>
<label for="user">User name</label>
<input id="user" name="user" required maxlength="40" pattern="[a-z0-9][a-z0-9._\-]*" autocomplete="username"
 autocapitalize="none" spellcheck="false" title="small letters, digits, dots and dashes" value="<?= text($asked) ?>">
<input type="hidden" name="next" value="<?= text($next) ?>">
<button class="button" id="login">Log in</button>
</form>
</div>
<?php
page_end();
