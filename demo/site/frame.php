<?php
/* The frame around every page, and who is logged in. */
declare(strict_types=1);

session_start(['cookie_httponly' => true, 'cookie_samesite' => 'Lax', 'use_strict_mode' => true]);

function user(): string
{
	return $_SESSION['user'] ?? '';
}

function text(string $raw): string
{
	return htmlspecialchars($raw, ENT_QUOTES | ENT_SUBSTITUTE);
}

function redirect(string $path): never
{
	header("Location: $path", true, 303);
	exit;
}

/* A path of this site, or the front page: `next` is the visitor's to choose. */
function own_path(string $path): string
{
	return preg_match('~^/(?![/\\\\])[\x21-\x7e]*$~D', $path) ? $path : '/';
}

/* Who is not logged in does that first, and comes back. */
function require_user(): void
{
	if (user() === '') {
		redirect('/login?next=' . rawurlencode($_SERVER['REQUEST_URI']));
	}
}

/* Stripe's own, unless the web server names another: the demo's is the sandbox's stand-in. */
function stripe_js(): string
{
	return $_SERVER['STRIPE_JS'] ?? 'https://js.stripe.com/endive/stripe.js';
}

function scripts(string $module): string
{
	if ($module === '') {
		return '';
	}
	return '<script src="' . text(stripe_js()) . '"></script>'
		. "\n<script type=\"module\" src=\"/$module\"></script>";
}

function menu_entry(string $path, string $label): string
{
	$here = strtok($_SERVER['REQUEST_URI'], '?') === $path ? ' aria-current="page"' : '';
	return "<li><a href=\"$path\"$here>$label</a></li>";
}

function menu(): string
{
	$entries = menu_entry('/pricing', 'Pricing') . menu_entry('/members/', 'Tide tables');
	return $entries . (user() === '' ? menu_entry('/login', 'Log in') : menu_entry('/account', 'Account'));
}

/* $module: the page's own script, which uses Stripe.js. */
function page_begin(string $title, string $module = ''): void
{
	header('Cache-Control: no-store');
	$menu = menu();
	$scripts = scripts($module);
	echo <<<HTML
		<!DOCTYPE html>
		<html lang="en">
		<head>
		<meta charset="utf-8">
		<meta name="viewport" content="width=device-width, initial-scale=1">
		<title>$title · Tideline</title>
		<link rel="stylesheet" href="/style.css">
		<link rel="icon" href="/icon.svg">
		$scripts
		</head>
		<body>
		<a class="skip" href="#content">Skip to content</a>
		<header class="top"><div class="wide">
		<a class="name" href="/"><img src="/icon.svg" alt="" width="32" height="32">Tideline</a>
		<nav aria-label="Main"><ul>$menu</ul></nav>
		</div></header>
		<main id="content" class="wide">

		HTML;
}

function page_end(): void
{
	echo <<<'HTML'

		</main>
		<footer><div class="wide">
		<p><strong>Tideline is the tollgate demo.</strong> Nothing here is charged: payments go to a sandbox on
		this machine. Pay with <code>4242 4242 4242 4242</code>, any later expiry date and any code.
		<code>4000 0000 0000 0002</code> is declined, <code>4000 0025 0000 3155</code> asks for 3-D Secure. By bank debit:
		IBAN <code>AT321904300235473204</code>, or BSB <code>000000</code> with account <code>900123456</code>.</p>
		</div></footer>
		</body>
		</html>

		HTML;
}
