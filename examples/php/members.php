<?php
/* A page behind the gate. nginx runs it only for who may pass, and says who that
 * is; it checks that, so that it stays closed wherever it is reached without a gate. */
require __DIR__ . '/shop.php';

function told(string $name): string
{
	return (string) ($_SERVER["TOLLGATE_$name"] ?? '');
}

if (told('USER') === '' || told('REASON') !== '') {
	stop(403, 'This page is for subscribers.');
}
$features = array_filter(explode(',', told('FEATURES')), 'strlen');
begin();
page_begin('The report');
?>
<dl>
<dt>User</dt><dd id="user"><?= text(told('USER')) ?></dd>
<dt>Status</dt><dd id="status"><?= text(told('STATUS')) ?></dd>
<dt>Plan</dt><dd id="plan"><?= text(told('PLAN')) ?></dd>
<?php if (told('UNTIL') !== ''): ?>
<dt>Until</dt><dd id="until"><?= gmdate('j F Y', (int) told('UNTIL')) ?></dd>
<?php endif ?>
</dl>
<?php if (in_array('exports', $features, true)): ?>
<p id="export"><a href="/members/report.csv">As a table</a></p>
<?php endif ?>
