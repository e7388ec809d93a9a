<?php
/* A user store for the example, made by add-user.php; an existing site has its own.
 *
 *     {"ada": {"id": "u6f2a…", "email": "ada@example.com", "password": "$2y$…"}} */
declare(strict_types=1);

function read_users(string $file): array
{
	return json_decode((string) file_get_contents($file), true, 4, JSON_THROW_ON_ERROR);
}

/* ['id', 'name', 'email'], or null. It takes as long for a name that nobody has,
 * so that nobody learns which there are. */
function find_user(string $file, string $name, string $password): ?array
{
	$user = read_users($file)[$name] ?? null;
	if ($user === null) {
		password_hash($password, PASSWORD_DEFAULT);
		return null;
	}
	if (!password_verify($password, $user['password'])) {
		return null;
	}
	return ['id' => $user['id'], 'name' => $name, 'email' => $user['email']];
}
