<?php
/**
 * Plugin Name: tollgate
 * Description: Sells plans, and shows content to who has paid, by the tollgate in front of this site.
 * Version: 1.0
 * Requires PHP: 7.4
 * License: MIT
 *
 * One file for wp-content/mu-plugins/. README.md beside it has the constants for
 * wp-config.php and the web server's part.
 *
 *     [tollgate_buy plan="premium" interval="month" label="Subscribe"]
 *     [tollgate_members plan="premium"]…[/tollgate_members]
 *     [tollgate_portal label="Payment and invoices"]
 */
declare(strict_types=1);

namespace Tollgate;

if (!defined('ABSPATH')) {
	exit;
}

const COOKIE_SECONDS = 3600;
const REQUEST_SECONDS = 60; // of a token for one request of this server
const CACHE_SECONDS = 30;   // who has paid is believed so long
const ASK_SECONDS = 5;
const BUY_SECONDS = 30;     // tollgate itself gives up on Stripe sooner
const KEY_MIN = 32;         // bytes
const NOTICE_KEY_MIN = 24;
const NOTICE_SECONDS = 300; // old or ahead, at most
const TURNS = 5;            // to the login and back, within
const TURNS_SECONDS = 10;   // so long: then the gate takes no token of ours

function config(string $name, string $default = ''): string
{
	return defined("TOLLGATE_$name") ? (string) constant("TOLLGATE_$name") : $default;
}

/* Scheme, host and port of the site. */
function origin(): string
{
	return preg_match('~^https?://[^/]+~', home_url(), $found) === 1 ? $found[0] : '';
}

function is_https(): bool
{
	return strncmp(origin(), 'https:', 6) === 0;
}

/* A field of $_GET or $_POST, without WordPress' slashes; what is no text is ''. */
function field(array $from, string $name): string
{
	$value = $from[$name] ?? '';
	return is_string($value) ? wp_unslash($value) : '';
}

/* Who is logged in, as tollgate wants to hear it: a signed token (RFC 7519). */

function encode(string $bytes): string
{
	return rtrim(strtr(base64_encode($bytes), '+/', '-_'), '=');
}

/* '' where the key cannot be read: then nobody is logged in for tollgate. */
function sign(string $signed): string
{
	$key = trim((string) @file_get_contents(config('IDENTITY_KEY_FILE')));
	if (strlen($key) < KEY_MIN) {
		error_log('tollgate: TOLLGATE_IDENTITY_KEY_FILE holds no key that PHP can read');
		return '';
	}
	return encode(hash_hmac('sha256', $signed, $key, true));
}

function token(\WP_User $user, int $seconds, int $turns = 0): string
{
	$claims = ['sub' => (string) $user->ID, 'email' => $user->user_email, 'aud' => config('SITE'),
		'iat' => time(), 'exp' => time() + $seconds, 'turns' => $turns];
	$signed = encode('{"alg":"HS256","typ":"JWT"}') . '.' . encode((string) wp_json_encode($claims));
	$signature = sign($signed);
	return $signature === '' ? '' : "$signed.$signature";
}

function cookie_name(): string
{
	return is_https() ? '__Host-tollgate' : 'tollgate';
}

/* Of the cookie that came, if we made it and it is this user's; else []. */
function cookie_claims(\WP_User $user): array
{
	$part = explode('.', field($_COOKIE, cookie_name()));
	if (count($part) !== 3 || $part[2] === '' || !hash_equals(sign("$part[0].$part[1]"), $part[2])) {
		return [];
	}
	$claims = json_decode((string) base64_decode(strtr($part[1], '-_', '+/')), true);
	$ours = is_array($claims) && ($claims['sub'] ?? '') === (string) $user->ID
		&& ($claims['aud'] ?? '') === config('SITE');
	return $ours ? $claims + ['turns' => 0] : [];
}

function send_cookie(string $value, int $expires): void
{
	setcookie(cookie_name(), $value, ['expires' => $expires, 'path' => '/', 'secure' => is_https(),
		'httponly' => true, 'samesite' => 'Lax']);
}

function remember(\WP_User $user, int $turns = 0): void
{
	$token = token($user, COOKIE_SECONDS, $turns);
	if ($token !== '' && !headers_sent()) {
		send_cookie($token, time() + COOKIE_SECONDS);
	}
}

function forget(): void
{
	if (!headers_sent()) {
		send_cookie('', 1);
	}
}

/* The token is made anew before it expires, and does not outlive the login. */
function refresh(): void
{
	$user = wp_get_current_user();
	if ($user->ID === 0) {
		if (field($_COOKIE, cookie_name()) !== '') {
			forget();
		}
	} elseif ((cookie_claims($user)['exp'] ?? 0) - time() < COOKIE_SECONDS / 2) {
		remember($user);
	}
}

function logged_in(string $cookie, int $expire, int $expiration, int $user_id): void
{
	$user = get_userdata($user_id);
	if ($user !== false) {
		remember($user);
	}
}

/* The gate sends strangers to wp-login.php?next= and the address as it came, with
 * each & that it has. A path of this site, or ''. */
function next_path(): string
{
	$query = field($_SERVER, 'QUERY_STRING');
	if (preg_match('~(?:^|&)next=(/(?![/\\\\])[\x21-\x5b\x5d-\x7e]*)$~D', $query, $found) !== 1) {
		return '';
	}
	/* WordPress would take these out of a redirect, and lead to another file. */
	return preg_replace_callback('~[^a-z0-9\-+_.?#=&;,/:%!*@\~()[\]]~i', function (array $found): string {
		return rawurlencode($found[0]);
	}, $found[1]);
}

/* Who is logged in already gets a new token, and goes back. */
function come_back(): void
{
	$next = next_path();
	if ($next === '' || isset($_REQUEST['action'])) {
		return;
	}
	$user = wp_get_current_user();
	if ($user->ID === 0) {
		$_REQUEST['redirect_to'] = wp_slash(origin() . $next);
		return;
	}
	$before = cookie_claims($user);
	$turns = time() - ($before['iat'] ?? 0) < TURNS_SECONDS ? $before['turns'] + 1 : 0;
	if ($turns > TURNS) {
		log_refused_token();
		wp_die(esc_html__('This page cannot be opened right now. Please try again later.', 'tollgate'), '',
			['response' => 500]);
	}
	remember($user, $turns);
	wp_safe_redirect(origin() . $next, 303);
	exit;
}

add_action('init', __NAMESPACE__ . '\\refresh');
add_action('set_logged_in_cookie', __NAMESPACE__ . '\\logged_in', 10, 4);
add_action('clear_auth_cookie', __NAMESPACE__ . '\\forget');
add_action('wp_logout', __NAMESPACE__ . '\\forget', 10, 0);
add_action('login_init', __NAMESPACE__ . '\\come_back');

function log_refused_token(): void
{
	error_log('tollgate: the gate refuses our tokens: do TOLLGATE_SITE and the key agree with tollgate.conf?');
}

/* What tollgate answers to this server, on behalf of a user: WordPress' response, or its WP_Error. */
function ask(string $method, string $path, \WP_User $user, array $fields, int $seconds)
{
	$token = token($user, REQUEST_SECONDS);
	$response = wp_remote_request(config('SERVER', origin()) . config('BASE', '/billing') . "/$path", [
		'method' => $method,
		'timeout' => $seconds,
		'redirection' => 0,
		'headers' => ['Authorization' => "Bearer $token", 'Accept' => 'application/json',
			'Content-Type' => 'application/json'],
		'body' => $method === 'GET' ? null : wp_json_encode((object) $fields),
	]);
	if (is_wp_error($response)) {
		error_log('tollgate: ' . $response->get_error_message());
	}
	return $response;
}

/* "plan:premium", of what a shortcode names; '' if that is nothing the gate could
 * be asked, and so opens nothing. */
function requirement(array $attributes): string
{
	$words = [];
	foreach (['plan', 'feature', 'product'] as $kind) {
		foreach (preg_split('/[\s,]+/', (string) ($attributes[$kind] ?? ''), -1, PREG_SPLIT_NO_EMPTY) as $name) {
			if (preg_match('/^[A-Za-z0-9_.-]{1,64}$/D', $name) !== 1) {
				return '';
			}
			$words[] = $kind === 'plan' && $name === 'any' ? 'any' : "$kind:$name";
		}
	}
	return implode(' ', $words);
}

/* On a page behind the gate, what it has said already. */
function gate_has_said(\WP_User $user, string $require): bool
{
	return field($_SERVER, 'TOLLGATE_USER') === (string) $user->ID && field($_SERVER, 'TOLLGATE_REASON') === ''
		&& field($_SERVER, 'TOLLGATE_PLAN') !== '' && $require === 'plan:' . field($_SERVER, 'TOLLGATE_PLAN');
}

/* On the page that Stripe sends her back to: asked how the payment ended, tollgate
 * knows of it before Stripe's event has come. */
function after_checkout(\WP_User $user): void
{
	static $asked = false;
	$session = field($_GET, 'session_id');
	if (!$asked && preg_match('/^cs_[A-Za-z0-9_]{1,200}$/D', $session) === 1) {
		$asked = true;
		ask('GET', "session-status?session_id=$session", $user, [], BUY_SECONDS);
	}
}

/* ['pass' => bool] with what the gate says: status, plan, until, reason. It decides, and
 * nothing here: it knows of graces and of payments under way. No answer is a no, and so is
 * a 401: she is logged in, and it takes none of our tokens. */
function ask_gate(\WP_User $user, string $require): array
{
	$path = 'access/' . str_replace('%3A', ':', rawurlencode($require));
	after_checkout($user);
	$response = ask('GET', $path, $user, [], ASK_SECONDS);
	$access = ['pass' => wp_remote_retrieve_response_code($response) === 204];
	foreach (['status', 'plan', 'until', 'reason'] as $name) {
		$access[$name] = (string) wp_remote_retrieve_header($response, "tollgate-$name");
	}
	if (wp_remote_retrieve_response_code($response) === 401) {
		log_refused_token();
	}
	$answered = in_array(wp_remote_retrieve_response_code($response), [204, 403], true);
	return $answered ? $access : ['pass' => false, 'reason' => 'unavailable'] + $access;
}

function has_ended(array $access): bool
{
	return $access['until'] !== '' && (int) $access['until'] <= time();
}

/* A yes is kept, and never longer than it is one; a no is for this request. */
function access(\WP_User $user, string $require): array
{
	static $refused = [];
	$key = md5("$user->ID $require");
	$access = $refused[$key] ?? wp_cache_get($key, 'tollgate');
	if (is_array($access) && (!$access['pass'] || !has_ended($access))) {
		return $access;
	}
	$access = ask_gate($user, $require);
	if ($access['pass']) {
		wp_cache_set($key, $access, 'tollgate', CACHE_SECONDS);
	} else {
		$refused[$key] = $access;
	}
	return $access;
}

/* Forms to admin-post.php, and what they do there. */

const ERRORS = [
	'already_subscribed' => 'You have this subscription already.',
	'rate_limited' => 'That was too often. Please wait a moment.',
];

/* What went wrong on the way here, once on a page; never what the address says in its own words. */
function error_message(): string
{
	static $shown = false;
	$code = field($_GET, 'tollgate_error');
	if ($code === '' || $shown) {
		return '';
	}
	$shown = true;
	$message = ERRORS[$code] ?? 'That did not work. Nothing was charged; please try again.';
	return '<p class="tollgate-error" role="alert">' . esc_html(translate($message, 'tollgate')) . '</p>';
}

function button(string $action, array $fields, string $label): string
{
	keep_out_of_caches(); // the nonce is her own
	$fields += ['action' => "tollgate_$action", '_wpnonce' => wp_create_nonce("tollgate_$action"),
		'_wp_http_referer' => remove_query_arg('tollgate_error')];
	$inputs = '';
	foreach ($fields as $name => $value) {
		$inputs .= '<input type="hidden" name="' . esc_attr($name) . '" value="' . esc_attr($value) . '">';
	}
	return error_message() . '<form class="tollgate-' . esc_attr($action) . '" method="post" action="'
		. esc_url(admin_url('admin-post.php')) . '">' . $inputs
		. '<button class="wp-element-button">' . esc_html($label) . '</button></form>';
}

/* What the cache plugins agreed on. */
function keep_out_of_caches(): void
{
	if (!defined('DONOTCACHEPAGE')) {
		define('DONOTCACHEPAGE', true);
	}
}

function login_link(): string
{
	$here = origin() . field($_SERVER, 'REQUEST_URI');
	return '<p><a href="' . esc_url(wp_login_url($here)) . '">'
		. esc_html__('Log in to subscribe', 'tollgate') . '</a></p>';
}

function shortcode_buy($attributes): string
{
	$wanted = shortcode_atts(['plan' => '', 'interval' => '', 'label' => __('Subscribe', 'tollgate')],
		$attributes, 'tollgate_buy');
	if (!is_user_logged_in()) {
		return login_link();
	}
	return button('buy', ['plan' => $wanted['plan'], 'interval' => $wanted['interval']], $wanted['label']);
}

function shortcode_portal($attributes): string
{
	$wanted = shortcode_atts(['label' => __('Payment and invoices', 'tollgate')], $attributes, 'tollgate_portal');
	return is_user_logged_in() ? button('portal', [], $wanted['label']) : login_link();
}

/* Why it is closed; who has paid is not asked to buy. */
function closed(string $reason): string
{
	$unsure = in_array($reason, ['unavailable', 'stale', 'misconfigured'], true);
	$owing = in_array($reason, ['past_due', 'unpaid', 'paused', 'payment_failed', 'processing'], true);
	$text = $unsure ? __('This cannot be shown right now. Please come back in a moment.', 'tollgate')
		: ($owing ? __('This opens again with your payment.', 'tollgate') : __('This is for subscribers.', 'tollgate'));
	return '<p class="tollgate-closed">' . esc_html($text) . '</p>';
}

function shortcode_members($attributes, ?string $content = null): string
{
	$require = requirement((array) $attributes);
	if ($require === '') {
		return closed('misconfigured');
	}
	if (!is_user_logged_in()) {
		return closed('unidentified');
	}
	keep_out_of_caches();
	$user = wp_get_current_user();
	if (gate_has_said($user, $require)) {
		return do_shortcode((string) $content);
	}
	$access = access($user, $require);
	return $access['pass'] ? do_shortcode((string) $content) : closed($access['reason']);
}

/* WordPress takes the first [/tollgate_members] for the end, wherever it stands, and where
 * there is none, nothing is within: what comes then would be open to everybody. So would be
 * one that a page break cuts in two. How many are open at the end of the text, 0 or 1; null
 * where one stands within another, is empty ([… /]), or ends without having begun. */
function open_at_end(string $text): ?int
{
	preg_match_all('~(?<!\[)\[(/?)tollgate_members(?![\w-])([^\]]*/\])?~', $text, $tags);
	$open = 0;
	foreach ($tags[1] as $number => $slash) {
		if ($tags[2][$number] !== '' || ($slash === '/') !== ($open === 1)) {
			return null;
		}
		$open = 1 - $open;
	}
	return $open;
}

/* Pages that <!--nextpage--> makes: what is open at the end of one begins again on the next. */
function paired_pages(array $pages): array
{
	$begin = '';
	foreach ($pages as $number => $page) {
		$pages[$number] = $begin . $page;
		preg_match_all('~(?<!\[)\[/?tollgate_members(?![\w-])[^\]]*\]~', $pages[$number], $tags);
		$last = (string) end($tags[0]);
		$begin = strncmp($last, '[/', 2) === 0 ? '' : $last;
	}
	return $pages;
}

/* What has no end lasts to the end of the page; of what makes no sense, only that is shown
 * which stands before the first one, if that is a beginning. */
function paired_content($text): string
{
	$text = (string) $text;
	$open = open_at_end($text);
	if ($open === null) {
		preg_match('~^(.*?)(?<!\[)\[(/?)tollgate_members~s', $text, $found);
		return ($found[2] === '' ? force_balance_tags($found[1]) : '') . closed('misconfigured');
	}
	return $open === 1 ? $text . '[/tollgate_members]' : $text;
}

/* An excerpt is made of what stands before the first break, with all shortcodes taken out:
 * a beginning without its end would take out itself alone. */
function paired_excerpt($excerpt, $post = null): string
{
	$post = get_post($post);
	if ((string) $excerpt === '' && $post !== null) {
		foreach (preg_split('~<!--(?:more|nextpage)~', $post->post_content) as $part) {
			if (open_at_end($part) !== 0) {
				return wp_strip_all_tags(closed('unidentified'));
			}
		}
	}
	return (string) $excerpt;
}

/* A nonce is its user's, and so proves that she pressed the button herself. */
function check_nonce(string $action): void
{
	if (wp_verify_nonce(field($_REQUEST, '_wpnonce'), "tollgate_$action") === false) {
		wp_die(esc_html__('This button is too old. Please go back, load the page again and press it there.', 'tollgate'),
			'', ['response' => 403, 'back_link' => true]);
	}
}

/* To the page that tollgate got from Stripe, or back with the error's code. */
function leave($response): void
{
	$answer = json_decode((string) wp_remote_retrieve_body($response), true);
	$url = $answer['url'] ?? '';
	if (preg_match(is_https() ? '~^https://~' : '~^https?://~', $url) === 1) {
		wp_redirect($url, 303); // not of this site, and so no wp_safe_redirect
		exit;
	}
	$back = wp_get_referer();
	$code = sanitize_key($answer['error']['code'] ?? 'unavailable');
	wp_safe_redirect(add_query_arg('tollgate_error', $code, $back === false ? home_url('/') : $back), 303);
	exit;
}

function action_buy(): void
{
	check_nonce('buy');
	$fields = ['plan' => field($_POST, 'plan'), 'interval' => field($_POST, 'interval'), 'uiMode' => 'hosted_page'];
	leave(ask('POST', 'create-checkout-session', wp_get_current_user(), array_filter($fields, 'strlen'), BUY_SECONDS));
}

function action_portal(): void
{
	check_nonce('portal');
	leave(ask('POST', 'customer-portal', wp_get_current_user(), [], BUY_SECONDS));
}

/* Logged out meanwhile: log in, and press it again. */
function action_of_a_stranger(): void
{
	$back = wp_get_referer();
	wp_safe_redirect(wp_login_url($back === false ? home_url('/') : $back), 303);
	exit;
}

add_shortcode('tollgate_buy', __NAMESPACE__ . '\\shortcode_buy');
add_shortcode('tollgate_portal', __NAMESPACE__ . '\\shortcode_portal');
add_shortcode('tollgate_members', __NAMESPACE__ . '\\shortcode_members');
add_filter('the_content', __NAMESPACE__ . '\\paired_content'); // behind blocks, before shortcodes
add_filter('content_pagination', __NAMESPACE__ . '\\paired_pages');
add_filter('widget_block_content', __NAMESPACE__ . '\\paired_content');
add_filter('get_the_excerpt', __NAMESPACE__ . '\\paired_excerpt', 9, 2); // before it is made of the content
add_action('admin_post_tollgate_buy', __NAMESPACE__ . '\\action_buy');
add_action('admin_post_tollgate_portal', __NAMESPACE__ . '\\action_portal');
add_action('admin_post_nopriv_tollgate_buy', __NAMESPACE__ . '\\action_of_a_stranger');
add_action('admin_post_nopriv_tollgate_portal', __NAMESPACE__ . '\\action_of_a_stranger');

/* In the profile, the user's own or another's for who may edit that. */
function profile(\WP_User $user): void
{
	if (!current_user_can('edit_user', $user->ID)) {
		return;
	}
	$access = access($user, 'any');
	$rows = [
		__('Plan', 'tollgate') => $access['plan'],
		__('Status', 'tollgate') => $access['status'] === '' ? $access['reason'] : $access['status'],
		__('Until', 'tollgate') => $access['until'] === '' ? '' : wp_date('Y-m-d', (int) $access['until']),
	];
	echo '<h2>', esc_html__('Subscription', 'tollgate'), '</h2><table class="form-table" id="tollgate">';
	foreach ($rows as $name => $value) {
		echo '<tr><th>', esc_html($name), '</th><td>', esc_html($value), '</td></tr>';
	}
	echo '</table>';
	/* A link: this stands in the profile's own form. */
	if ($access['status'] !== '' && $user->ID === get_current_user_id()) {
		$url = wp_nonce_url(admin_url('admin-post.php?action=tollgate_portal'), 'tollgate_portal');
		echo '<p><a href="', esc_url($url), '">', esc_html__('Payment and invoices', 'tollgate'), '</a></p>';
	}
}

add_action('show_user_profile', __NAMESPACE__ . '\\profile');
add_action('edit_user_profile', __NAMESPACE__ . '\\profile');

/* Notices, at the site's notify_url: /wp-json/tollgate/v1/notice. Signed as
 * github.com/standard-webhooks/standard-webhooks says; a theme or plugin hears
 *
 *     add_action('tollgate_notice', function (string $type, array $data, string $id) { … }, 10, 3);
 *
 * and, if it throws, hears it again. What must not be done twice remembers the id. */

function notice_key(): string
{
	$secret = trim((string) @file_get_contents(config('NOTIFY_SECRET_FILE')));
	$key = strncmp($secret, 'whsec_', 6) === 0 ? base64_decode(substr($secret, 6), true) : $secret;
	return is_string($key) ? $key : '';
}

function is_signed(\WP_REST_Request $request): bool
{
	$id = (string) $request->get_header('webhook-id');
	$timestamp = (string) $request->get_header('webhook-timestamp');
	$key = notice_key();
	if ($id === '' || strlen($key) < NOTICE_KEY_MIN || preg_match('/^\d{1,15}$/D', $timestamp) !== 1
		|| abs(time() - (int) $timestamp) > NOTICE_SECONDS) {
		return false;
	}
	$mac = hash_hmac('sha256', "$id.$timestamp." . $request->get_body(), $key, true);
	$found = false;
	foreach (explode(' ', (string) $request->get_header('webhook-signature')) as $signature) {
		$found = hash_equals('v1,' . base64_encode($mac), $signature) || $found;
	}
	return $found;
}

function take_notice(\WP_REST_Request $request): \WP_REST_Response
{
	$notice = json_decode($request->get_body(), true, 32, JSON_THROW_ON_ERROR);
	do_action('tollgate_notice', $notice['type'], $notice['data'], (string) $request->get_header('webhook-id'));
	return new \WP_REST_Response(null, 204);
}

function register_notice_route(): void
{
	if (config('NOTIFY_SECRET_FILE') !== '') {
		register_rest_route('tollgate/v1', '/notice', ['methods' => 'POST',
			'callback' => __NAMESPACE__ . '\\take_notice', 'permission_callback' => __NAMESPACE__ . '\\is_signed']);
	}
}

add_action('rest_api_init', __NAMESPACE__ . '\\register_notice_route');
