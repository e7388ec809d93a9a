/* The endpoints of tollgate-subscription, each in the file of its topic. */
#ifndef TOLLGATE_ENDPOINT_TABLE_H
#define TOLLGATE_ENDPOINT_TABLE_H

#include "program.h"

/* endpoint_change.c */
endpoint_handler endpoint_create_preview_invoice;
endpoint_handler endpoint_update_subscription;
endpoint_handler endpoint_cancel_subscription;
endpoint_handler endpoint_resume_subscription;
endpoint_handler endpoint_pause_subscription;

/* endpoint_payment.c */
endpoint_handler endpoint_pay_invoice;
endpoint_handler endpoint_update_payment_method;

/* endpoint_config.c */
endpoint_handler endpoint_config;

/* endpoint_customer.c */
endpoint_handler endpoint_create_customer;

/* endpoint_invoice.c */
endpoint_handler endpoint_invoices;

/* endpoint_payment_method.c */
endpoint_handler endpoint_retrieve_payment_method;

/* endpoint_pricing_table.c */
endpoint_handler endpoint_customer_session;

/* endpoint_subscription.c */
endpoint_handler endpoint_create_subscription;
endpoint_handler endpoint_subscriptions;

/* endpoint_usage.c */
endpoint_handler endpoint_meter_event;

#endif
