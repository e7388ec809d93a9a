/* Which features each product gives, for the gate: see billing_entitlement.h. */
#ifndef TOLLGATE_BILLING_PRODUCT_H
#define TOLLGATE_BILLING_PRODUCT_H

#include "billing.h"

/* Reads them of all products whose prices Redis knows. RESULT_OK also when the key lacks
 * the permission: what is known stays. */
enum result billing_product_refresh(const struct billing *billing, struct problem *problem);

#endif
