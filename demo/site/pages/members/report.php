<?php
/* A protected page that wants to know who is reading. */
require __DIR__ . '/../../frame.php';

const PARAMS = ['TOLLGATE_USER', 'TOLLGATE_STATUS', 'TOLLGATE_PLAN', 'TOLLGATE_FEATURES', 'TOLLGATE_UNTIL'];

page_begin('Your report');
?>
<div class="narrow">
<h1>Your report</h1>
<p class="lead">What the web server tells PHP about you in <code>$_SERVER</code>, without PHP asking anybody:</p>
<table class="card">
<?php foreach (PARAMS as $name): ?>
<tr><th scope="row"><code><?= $name ?></code></th><td id="<?= $name ?>"><?= text($_SERVER[$name]) ?></td></tr>
<?php endforeach ?>
</table>
<p><a href="/members/">Back to the tide tables</a></p>
</div>
<?php
page_end();
