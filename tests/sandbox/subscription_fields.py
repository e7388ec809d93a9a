"""The fields of a subscription that are simply set: dates of its end and trial, collection, discounts."""
import coupons
import lifecycle
import orders
from objects import set_metadata, update


def set_fields(acct, subscription, p):
    set_metadata(subscription, p.get("metadata"))
    update(subscription, p, ("description", "default_payment_method", "collection_method", "days_until_due"))
    if "payment_settings" in p:
        subscription["payment_settings"] = {**orders.payment_settings(p["payment_settings"])}
    if "trial_settings" in p:
        subscription["trial_settings"] = orders.trial_settings(p["trial_settings"])
    if "automatic_tax" in p:
        subscription["automatic_tax"] = orders.automatic_tax(p["automatic_tax"])
    if "cancellation_details" in p:
        subscription["cancellation_details"].update(
            {name: value or None for name, value in p["cancellation_details"].items()})
    if "discounts" in p:
        checked = coupons.check(acct, p["discounts"] or [], subscription["customer"])
        subscription["discounts"] = coupons.redeem(acct, checked, subscription["customer"], subscription["id"])
    if "pause_collection" in p:
        pause_collection(acct, subscription, p["pause_collection"])
    set_cancel(acct, subscription, p)
    if isinstance(p.get("trial_end"), int):
        extend_trial(acct, subscription, p["trial_end"])


def pause_collection(acct, subscription, given):
    subscription["pause_collection"] = None
    if given:
        subscription["pause_collection"] = {"behavior": given["behavior"], "resumes_at": given.get("resumes_at")}
    if given and "resumes_at" in given:
        acct.schedule(given["resumes_at"], "resume_collection", subscription["id"])


def set_cancel(acct, subscription, p):
    if "cancel_at" not in p and "cancel_at_period_end" not in p:
        return
    subscription["cancel_at_period_end"] = p.get("cancel_at_period_end", False)
    lifecycle.set_cancel_at(acct, subscription, p.get("cancel_at") or None)
    asked = subscription["cancel_at"] is not None
    subscription["canceled_at"] = acct.now() if asked else None
    subscription["cancellation_details"]["reason"] = "cancellation_requested" if asked else None


def extend_trial(acct, subscription, end):
    start = acct.now() if subscription["status"] != "trialing" else subscription["trial_start"]
    subscription.update(status="trialing", trial_start=start, trial_end=end, billing_cycle_anchor=end)
    lifecycle.set_period(subscription, start, end)
    lifecycle.schedule(acct, subscription)
