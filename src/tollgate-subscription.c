/* The site's own payment form, and all that a subscriber does afterwards. */
#include "endpoint_table.h"
#include "program.h"

#define BODY_MAX 16384

static const struct endpoint endpoints[] = {
	{ .name = "config", .method = "GET", .access = ACCESS_ANYBODY, .handler = endpoint_config },
	{ .name = "create-customer", .method = "POST", .access = ACCESS_USER,
	  .body_max = BODY_MAX, .handler = endpoint_create_customer },
	{ .name = "create-subscription", .method = "POST", .access = ACCESS_USER,
	  .body_max = BODY_MAX, .handler = endpoint_create_subscription },
	{ .name = "customer-session", .method = "POST", .access = ACCESS_USER, .body_max = BODY_MAX,
	  .handler = endpoint_customer_session },
	{ .name = "invoices", .method = "GET", .access = ACCESS_USER, .handler = endpoint_invoices },
	{ .name = "create-preview-invoice", .method = "POST", .access = ACCESS_USER,
	  .body_max = BODY_MAX, .handler = endpoint_create_preview_invoice },
	{ .name = "update-subscription", .method = "POST", .access = ACCESS_USER,
	  .body_max = BODY_MAX, .handler = endpoint_update_subscription },
	{ .name = "cancel-subscription", .method = "POST", .access = ACCESS_USER,
	  .body_max = BODY_MAX, .handler = endpoint_cancel_subscription },
	{ .name = "resume-subscription", .method = "POST", .access = ACCESS_USER,
	  .body_max = BODY_MAX, .handler = endpoint_resume_subscription },
	{ .name = "pause-subscription", .method = "POST", .access = ACCESS_USER,
	  .body_max = BODY_MAX, .handler = endpoint_pause_subscription },
	{ .name = "meter-event", .method = "POST", .access = ACCESS_SERVER, .body_max = BODY_MAX,
	  .handler = endpoint_meter_event },
	{ .name = "retrieve-customer-payment-method", .method = "POST", .access = ACCESS_USER,
	  .body_max = BODY_MAX, .handler = endpoint_retrieve_payment_method },
	{ .name = "pay-invoice", .method = "POST", .access = ACCESS_USER,
	  .body_max = BODY_MAX, .handler = endpoint_pay_invoice },
	{ .name = "update-payment-method", .method = "POST", .access = ACCESS_USER,
	  .body_max = BODY_MAX, .handler = endpoint_update_payment_method },
	{ .name = "subscriptions", .method = "GET", .access = ACCESS_USER,
	  .handler = endpoint_subscriptions },
};

int main(int argc, char **argv)
{
	static const struct program program = {
		.name = "tollgate-subscription",
		.secrets = SECRET_SUBSCRIPTION_KEY | SECRET_IDENTITY,
		.calls_stripe = true,
		.endpoints = endpoints,
		.n_endpoints = sizeof(endpoints) / sizeof(endpoints[0]),
	};

	return program_run(&program, argc, argv);
}
