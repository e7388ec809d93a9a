<?php
/* The few functions of WordPress that examples/wordpress/tollgate.php calls, with what
 * matters of them: slashes on all input, hooks, nonces of a user's session, escaping,
 * redirects that stay on the site, an object cache that outlives the request. */

class WP_User
{
	public $ID = 0;
	public $user_login = '';
	public $user_email = '';
	public $can_edit_users = false;
}

class WP_Error
{
	private $message;

	public function __construct($message)
	{
		$this->message = $message;
	}

	public function get_error_message()
	{
		return $this->message;
	}
}

const STUB_USERS = [
	7 => ['ada', 'ada@example.com', false],
	8 => ['bob', 'bob@example.com', false],
	9 => ['eve', 'eve@example.com', true],
];

$stub_hooks = [];
$stub_shortcodes = [];
$stub_user = null;

function add_action($name, $callback, $priority = 10, $accepted = 1)
{
	global $stub_hooks;
	$stub_hooks[$name][$priority][] = [$callback, $accepted];
}

function do_action($name, ...$arguments)
{
	global $stub_hooks;
	$arguments = $arguments ?: [''];
	$stub_hooks[$name] = $stub_hooks[$name] ?? [];
	ksort($stub_hooks[$name]);
	foreach ($stub_hooks[$name] as $callbacks) {
		foreach ($callbacks as [$callback, $accepted]) {
			$callback(...array_slice($arguments, 0, $accepted));
		}
	}
}

function has_action($name)
{
	global $stub_hooks;
	return isset($stub_hooks[$name]);
}

function add_filter($name, $callback, $priority = 10, $accepted = 1)
{
	add_action($name, $callback, $priority, $accepted);
}

function apply_filters($name, $value)
{
	global $stub_hooks;
	$hooks = $stub_hooks[$name] ?? [];
	ksort($hooks);
	foreach (array_merge(...array_values($hooks)) as [$callback]) {
		$value = $callback($value);
	}
	return $value;
}

function force_balance_tags($text)
{
	return $text;
}

function add_shortcode($tag, $callback)
{
	global $stub_shortcodes;
	$stub_shortcodes[$tag] = $callback;
}

/* As in WordPress: no attribute at all is '', and names are in small letters. */
function stub_attributes($text)
{
	preg_match_all('/([\w-]+)\s*=\s*(?:"([^"]*)"|\'([^\']*)\'|([^\s\'"]+))/', $text, $found, PREG_SET_ORDER);
	$attributes = [];
	foreach ($found as $one) {
		$attributes[strtolower($one[1])] = end($one);
	}
	return $attributes ?: '';
}

function do_shortcode($content)
{
	global $stub_shortcodes;
	$tags = implode('|', array_keys($stub_shortcodes));
	return preg_replace_callback("/\\[($tags)\\b([^\\]]*)\\](?:((?:(?!\\[\\1\\b).)*?)\\[\\/\\1\\])?/s", function ($found) {
		global $stub_shortcodes;
		$content = $found[3] ?? '';
		return $stub_shortcodes[$found[1]](stub_attributes($found[2]), $content, $found[1]);
	}, $content);
}

function shortcode_atts($pairs, $attributes, $shortcode = '')
{
	$attributes = (array) $attributes;
	$out = [];
	foreach ($pairs as $name => $default) {
		$out[$name] = array_key_exists($name, $attributes) ? $attributes[$name] : $default;
	}
	return $out;
}

function wp_slash($value)
{
	return is_array($value) ? array_map('wp_slash', $value) : (is_string($value) ? addslashes($value) : $value);
}

function wp_unslash($value)
{
	return is_array($value) ? array_map('wp_unslash', $value) : (is_string($value) ? stripslashes($value) : $value);
}

function wp_magic_quotes()
{
	$_GET = wp_slash($_GET);
	$_POST = wp_slash($_POST);
	$_COOKIE = wp_slash($_COOKIE);
	$_SERVER = wp_slash($_SERVER);
	$_REQUEST = array_merge($_GET, $_POST);
}

function home_url($path = '')
{
	return WP_HOME . $path;
}

function admin_url($path = '')
{
	return WP_HOME . "/wp-admin/$path";
}

function wp_login_url($redirect = '')
{
	return WP_HOME . '/wp-login.php' . ($redirect === '' ? '' : '?redirect_to=' . urlencode($redirect));
}

function esc_html($text)
{
	return htmlspecialchars((string) $text, ENT_QUOTES);
}

function esc_attr($text)
{
	return htmlspecialchars((string) $text, ENT_QUOTES);
}

function esc_url($url)
{
	$url = preg_replace('|[^a-z0-9-~+_.?#=!&;,/:%@$\|*\'()\[\]\\x80-\\xff]|i', '', $url);
	return preg_match('~^(https?://|/|#|\?)~', $url) ? str_replace(['&', "'"], ['&#038;', '&#039;'], $url) : '';
}

function translate($text, $domain = 'default')
{
	return $text;
}

function __($text, $domain = 'default')
{
	return translate($text, $domain);
}

function esc_html__($text, $domain = 'default')
{
	return esc_html(translate($text, $domain));
}

function sanitize_key($key)
{
	return preg_replace('/[^a-z0-9_\-]/', '', strtolower($key));
}

function wp_json_encode($data)
{
	return json_encode($data);
}

function wp_date($format, $time)
{
	return gmdate($format, $time);
}

/* Users: the cookie is an id and the token of its session. */

function stub_mac($text)
{
	return hash_hmac('sha256', $text, 'salt of this installation');
}

function get_userdata($id)
{
	if (!isset(STUB_USERS[$id])) {
		return false;
	}
	$user = new WP_User();
	$user->ID = $id;
	[$user->user_login, $user->user_email, $user->can_edit_users] = STUB_USERS[$id];
	return $user;
}

function wp_get_session_token()
{
	$part = explode('|', $_COOKIE['wordpress_logged_in'] ?? '');
	return count($part) === 3 && hash_equals(stub_mac("$part[0]|$part[1]"), $part[2]) ? $part[1] : '';
}

function wp_get_current_user()
{
	global $stub_user;
	if ($stub_user === null) {
		$id = wp_get_session_token() === '' ? 0 : (int) $_COOKIE['wordpress_logged_in'];
		$stub_user = get_userdata($id) ?: new WP_User();
	}
	return $stub_user;
}

function get_current_user_id()
{
	return wp_get_current_user()->ID;
}

function is_user_logged_in()
{
	return get_current_user_id() !== 0;
}

function current_user_can($capability, $id)
{
	return $capability === 'edit_user' && (get_current_user_id() === $id || wp_get_current_user()->can_edit_users);
}

function wp_set_auth_cookie($id)
{
	$value = "$id|" . bin2hex(random_bytes(16));
	$value .= '|' . stub_mac($value);
	do_action('set_logged_in_cookie', $value, 0, time() + 172800, $id, 'logged_in', explode('|', $value)[1]);
	setcookie('wordpress_logged_in', $value, 0, '/', '', false, true);
}

function wp_logout()
{
	$id = get_current_user_id();
	do_action('clear_auth_cookie');
	setcookie('wordpress_logged_in', ' ', 1, '/');
	do_action('wp_logout', $id);
}

/* Nonces */

function wp_create_nonce($action = -1)
{
	return substr(stub_mac("nonce $action|" . get_current_user_id() . '|' . wp_get_session_token()), -12, 10);
}

function wp_verify_nonce($nonce, $action = -1)
{
	return hash_equals(wp_create_nonce($action), (string) $nonce) ? 1 : false;
}

function wp_nonce_url($url, $action = -1)
{
	return esc_html(add_query_arg('_wpnonce', wp_create_nonce($action), str_replace('&amp;', '&', $url)));
}

/* Addresses and redirects */

function remove_query_arg($name)
{
	[$path, $query] = explode('?', wp_unslash($_SERVER['REQUEST_URI']), 2) + [1 => ''];
	parse_str($query, $fields);
	unset($fields[$name]);
	return $fields ? $path . '?' . http_build_query($fields) : $path;
}

function add_query_arg($name, $value, $url)
{
	[$path, $query] = explode('?', $url, 2) + [1 => ''];
	parse_str($query, $fields);
	return $path . '?' . http_build_query([$name => $value] + $fields);
}

function wp_validate_redirect($location, $fallback)
{
	if (substr($location, 0, 2) === '//' || preg_match('/[\x00-\x20\\\\]/', $location)) {
		return $fallback;
	}
	$host = parse_url($location, PHP_URL_HOST);
	return $host === null || $host === parse_url(WP_HOME, PHP_URL_HOST) ? $location : $fallback;
}

function wp_get_referer()
{
	$referer = wp_unslash($_REQUEST['_wp_http_referer'] ?? $_SERVER['HTTP_REFERER'] ?? '');
	return is_string($referer) && $referer !== '' ? wp_validate_redirect($referer, false) : false;
}

function wp_redirect($location, $status = 302)
{
	header("Location: $location", true, $status);
	return true;
}

function wp_safe_redirect($location, $status = 302)
{
	return wp_redirect(wp_validate_redirect($location, admin_url()), $status);
}

function wp_die($message = '', $title = '', $arguments = [])
{
	http_response_code($arguments['response'] ?? 500);
	echo $message;
	exit;
}

/* The object cache, as one that is shared by all requests. */

function stub_cache_file($key, $group)
{
	return WP_CACHE_DIRECTORY . '/cache-' . md5("$group $key");
}

function wp_cache_get($key, $group = '')
{
	$file = stub_cache_file($key, $group);
	$entry = is_file($file) ? unserialize(file_get_contents($file)) : ['ends' => 0];
	return $entry['ends'] > time() ? $entry['value'] : false;
}

function wp_cache_set($key, $value, $group, $seconds)
{
	return file_put_contents(stub_cache_file($key, $group),
		serialize(['value' => $value, 'ends' => time() + $seconds])) !== false;
}

/* HTTP */

function wp_remote_request($url, $arguments)
{
	$headers = '';
	foreach ($arguments['headers'] as $name => $value) {
		$headers .= "$name: $value\r\n";
	}
	$http = ['method' => $arguments['method'], 'timeout' => $arguments['timeout'], 'header' => $headers,
		'follow_location' => $arguments['redirection'], 'ignore_errors' => true];
	if ($arguments['body'] !== null) {
		$http['content'] = $arguments['body'];
	}
	$body = @file_get_contents($url, false, stream_context_create(['http' => $http]));
	if ($body === false) {
		return new WP_Error("cannot reach $url");
	}
	$answered = [];
	foreach (array_slice($http_response_header, 1) as $line) {
		[$name, $value] = explode(': ', $line, 2) + [1 => ''];
		$answered[strtolower($name)] = $value;
	}
	return ['code' => (int) explode(' ', $http_response_header[0])[1], 'headers' => $answered, 'body' => $body];
}

function is_wp_error($thing)
{
	return $thing instanceof WP_Error;
}

function wp_remote_retrieve_response_code($response)
{
	return is_wp_error($response) ? '' : $response['code'];
}

function wp_remote_retrieve_body($response)
{
	return is_wp_error($response) ? '' : $response['body'];
}

function wp_remote_retrieve_header($response, $name)
{
	return is_wp_error($response) ? '' : $response['headers'][$name] ?? '';
}

/* REST */

class WP_REST_Request
{
	public function get_header($name)
	{
		return wp_unslash($_SERVER['HTTP_' . strtoupper(strtr($name, '-', '_'))] ?? null);
	}

	public function get_body()
	{
		return file_get_contents('php://input');
	}
}

class WP_REST_Response
{
	public $status;

	public function __construct($data, $status)
	{
		$this->status = $status;
	}
}

$stub_routes = [];

function register_rest_route($namespace, $route, $arguments)
{
	global $stub_routes;
	$stub_routes["/wp-json/$namespace$route"] = $arguments;
}

function stub_rest($path)
{
	global $stub_routes;
	do_action('rest_api_init');
	$route = $stub_routes[$path] ?? ['methods' => ''];
	if ($route['methods'] !== $_SERVER['REQUEST_METHOD']) {
		http_response_code(404);
	} elseif (!$route['permission_callback'](new WP_REST_Request())) {
		http_response_code(401);
	} else {
		http_response_code($route['callback'](new WP_REST_Request())->status);
	}
}
