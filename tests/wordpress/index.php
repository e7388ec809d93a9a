<?php
/* A site that has the plugin: its login, admin-post.php, profiles, and pages, which are
 * the files of a directory. What wp-config.php would say comes from the web server. */
define('ABSPATH', __DIR__ . '/');
define('WP_HOME', $_SERVER['WP_HOME']);
define('WP_CACHE_DIRECTORY', $_SERVER['WP_DIRECTORY']);
define('TOLLGATE_SITE', 'shop');
define('TOLLGATE_IDENTITY_KEY_FILE', $_SERVER['WP_IDENTITY_KEY_FILE']);
define('TOLLGATE_NOTIFY_SECRET_FILE', $_SERVER['WP_NOTIFY_SECRET_FILE']);

require __DIR__ . '/stubs.php';
wp_magic_quotes();
ob_start();
require $_SERVER['WP_PLUGIN'];
do_action('init');

/* A theme that writes down what it hears, and chokes on one thing. */
add_action('tollgate_notice', function (string $type, array $data, string $id) {
	if ($type === 'choke') {
		http_response_code(500);
		exit;
	}
	file_put_contents(WP_CACHE_DIRECTORY . '/notices.log', json_encode([$type, $data, $id]) . "\n", FILE_APPEND);
}, 10, 3);

function login_page()
{
	if (($_GET['action'] ?? '') === 'logout') {
		wp_logout();
		wp_safe_redirect(home_url('/'));
		exit;
	}
	do_action('login_init');
	$to = wp_unslash($_REQUEST['redirect_to'] ?? home_url('/'));
	if ($_SERVER['REQUEST_METHOD'] === 'POST') {
		wp_set_auth_cookie((int) $_POST['id']);
		wp_safe_redirect($to);
		exit;
	}
	echo '<form method="post" action="/wp-login.php"><input name="id"><input type="hidden" name="redirect_to" value="',
		esc_attr($to), '"><button id="wp-submit">Log in</button></form>';
}

function admin_post()
{
	$action = 'admin_post_' . (is_user_logged_in() ? '' : 'nopriv_') . ($_REQUEST['action'] ?? '');
	if (!has_action($action)) {
		http_response_code(400);
		exit;
	}
	do_action($action);
}

$path = parse_url(wp_unslash($_SERVER['REQUEST_URI']), PHP_URL_PATH);
if ($path === '/wp-login.php') {
	login_page();
} elseif ($path === '/wp-admin/admin-post.php') {
	admin_post();
} elseif ($path === '/wp-admin/profile.php') {
	do_action('show_user_profile', wp_get_current_user());
} elseif ($path === '/wp-admin/user-edit.php') {
	do_action('edit_user_profile', get_userdata((int) $_GET['user_id']));
} elseif (strncmp($path, '/wp-json/', 9) === 0) {
	stub_rest($path);
} else {
	$content = file_get_contents($_SERVER['WP_DIRECTORY'] . '/' . basename($path) . '.page');
	echo do_shortcode(apply_filters('the_content', $content));
}
header('Tollgate-Test-Do-Not-Cache: ' . (int) defined('DONOTCACHEPAGE'));
