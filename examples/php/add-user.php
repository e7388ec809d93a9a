<?php
/* usage: php add-user.php USERS_FILE NAME EMAIL <password.txt
 * Adds a user, or gives her another password and address; her id stays. To be
 * run as PHP's own user, to whom alone the file is readable. */
declare(strict_types=1);

require __DIR__ . '/users.php';

if (PHP_SAPI !== 'cli') {
	http_response_code(404);
	exit;
}
if ($argc !== 4) {
	fwrite(STDERR, "usage: php add-user.php USERS_FILE NAME EMAIL <password.txt\n");
	exit(64);
}
[, $file, $name, $email] = $argv;
$password = rtrim((string) fgets(STDIN), "\r\n");
if (strlen($password) < 12 || strlen($password) > 72) {
	fwrite(STDERR, "The password has fewer than 12 or more than 72 bytes.\n");
	exit(65);
}
$users = is_file($file) ? read_users($file) : [];
$users[$name] = ['id' => $users[$name]['id'] ?? 'u' . bin2hex(random_bytes(8)), 'email' => $email,
	'password' => password_hash($password, PASSWORD_DEFAULT)];
umask(077);
/* Whoever logs in meanwhile reads the old file or the new one, and no half. */
$written = file_put_contents("$file.new", json_encode($users, JSON_PRETTY_PRINT | JSON_THROW_ON_ERROR) . "\n");
exit($written !== false && rename("$file.new", $file) ? 0 : 74);
