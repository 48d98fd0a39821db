"""Who pays: the plan or which tokens, what a project reserves and is charged, and the frames that tell of it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from . import plans, views
from .books import Entry, now_ms
from .faults import FAULTS
from .hub import Hub
from .script import Rig
from .state import Account, Project, World

MODES = ("auto", "subscription", "tokens")

#: Refusals by code: name of the fault, and severity of the notice that comes along.
DENIALS = {
    4078: ("not_entitled", "warning"),
    4079: ("queue_cap", "info"),
    4080: ("billing_grace", "warning"),
    4081: ("plan_limit", "error"),
}


class Ledger:
    """Keeps the accounts; used by the server's thread only."""

    def __init__(self, *, world: World, hub: Hub, rig: Rig) -> None:
        self._world = world
        self._hub = hub
        self._rig = rig

    # projects

    def admit(self, project: Project) -> Mapping[str, Any] | None:
        """Decide what pays for a project; gives the `error`, `error_message` and so on of a refusal."""
        account, plan = project.account, project.account.plan
        mode = project.request.get("billingMode") or "auto"
        if mode not in MODES:
            return {"error": "invalidRequest", "error_message": f"billingMode must be one of {', '.join(MODES)}."}
        needed = account.gated.get(project.kind)
        if needed and not (plan is not None and plan.active and plan.tier in needed):
            about = {"requiredPlans": list(needed), "feature": project.kind, "limitation": "plan"}
            return self._denied(account, 4081, subscriptionLimit=True, **about)
        denial = self._covered(project) if mode != "tokens" else 4078
        if denial is None:
            project.payment = "subscription"
            return None
        if mode == "subscription":
            return self._denied(account, denial)
        if project.model.is_vendor and plan is not None:
            project.estimate *= 1 - Decimal(plan.discount) / 10_000
        project.payment = self._purse_for(project)
        poor = FAULTS["insufficient_funds"]
        return None if project.payment else {"error": poor.error, "error_message": poor.message}

    def reserve(self, project: Project) -> None:
        """Set aside what an accepted project may cost, and write it down."""
        account = project.account
        covered = project.payment == "subscription"
        if not covered:
            account.purses[project.token].debit += project.estimate
        project.entry = Entry(
            token=project.token,
            amount=Decimal(0) if covered else project.estimate,
            description=f"{project.kind.capitalize()} render: {project.model.name}",
            source="project",
            status="pending",
            id=project.id,
            source_sid=project.sid,
            billing_mode=str(project.request.get("billingMode") or "auto"),
            payment=project.payment,
            plan=plans.of_entry(account.plan) if covered and account.plan is not None else {},
        )
        account.books.entries.append(project.entry)
        self.tell_balance(account, project.token)

    def settle(self, project: Project) -> None:
        """Charge what was rendered, give back the rest; nobody is told yet."""
        account, entry = project.account, project.entry
        if project.payment == "subscription":
            self._use_plan(project)
        else:
            purse = account.purses[project.token]
            purse.debit -= project.estimate
            purse.settled -= project.cost
            if project.payment == "paid_spark":
                purse.premium = max(Decimal(0), purse.premium - project.cost)
        if entry is not None:
            entry.amount = Decimal(0) if project.payment == "subscription" else project.cost
            entry.status = "completed" if project.cost else "refunded"
            entry.ended = now_ms()

    def move(self, account: Account, token: str, amount: Decimal, description: str, source: str) -> None:
        """Put something into a purse, or take it out when it is negative, and tell."""
        account.purses[token].settled += amount
        kind = "debit" if amount < 0 else "credit"
        row = Entry(token=token, amount=abs(amount), description=description, source=source, type=kind, ended=now_ms())
        account.books.entries.append(row)
        self.tell_balance(account, token)

    # frames

    def tell_balance(self, account: Account, token: str) -> None:
        """Send `balanceUpdate` to the account's sockets; `token` is the one that changed."""
        for connection in self._hub.of_account(account):
            told = views.balances(account, unclaimed=False)
            if self._rig.take("partial_balance"):
                told = {token: told[token]}
            self._hub.send(connection, "balanceUpdate", told)

    def change_plan(self, account: Account, plan: plans.Plan | None) -> None:
        """Give an account another plan, or none, and tell."""
        account.plan = plan
        self.tell_plan(account)

    def tell_plan(self, account: Account) -> None:
        """Send `subscriptionEntitlementUpdated` with the next version."""
        account.plan_version += 1
        for connection in self._hub.of_account(account):
            self._hub.send(connection, "subscriptionEntitlementUpdated", views.entitled(account))

    def notify(self, account: Account, code: int, **changes: object) -> None:
        """Send `subscriptionLimitNotice` to the sockets that want it."""
        reason, severity = DENIALS.get(code, ("limit", "info"))
        message = FAULTS[reason].message if reason in FAULTS else "A limit of your plan was reached."
        notice: dict[str, object] = {
            "version": 1,
            "reason": reason,
            "severity": severity,
            "code": code,
            "message": message,
        }
        if account.plan is not None:
            notice |= {"currentPlan": account.plan.tier, "subscriptionTier": account.plan.tier}
            if account.plan.fair_use is not None:
                notice["fairUse"] = dict(account.plan.fair_use)
        for connection in self._hub.of_account(account):
            self._hub.send(connection, "subscriptionLimitNotice", {**notice, **changes})

    # inside

    def _covered(self, project: Project) -> int | None:
        """None when the plan pays; the code of the refusal otherwise."""
        plan = project.account.plan
        if plan is not None and plan.status == "grace_period":
            return 4080
        if plan is None or not plan.active or plan.capped or project.model.is_vendor:
            return 4078
        running = self._world.active(project.account)
        return 4079 if sum(one.payment == "subscription" for one in running) >= plan.queue_cap else None

    def _purse_for(self, project: Project) -> str:
        """Which tokens pay; empty when there are not enough."""
        purse = project.account.purses[project.token]
        if project.estimate > purse.net:
            return ""
        if project.token == "sogni":
            return "sogni"
        if project.account.spark_lock is None and project.estimate <= purse.net - purse.premium:
            return "free_spark"
        return "paid_spark" if project.account.spark_lock is None or project.estimate <= purse.premium else ""

    def _use_plan(self, project: Project) -> None:
        plan = project.account.plan
        if plan is None:
            return
        before = plan.capped
        cost = Decimal(views.cost(project.cost, project.token)["costInSpark"])
        plan.spark += cost
        plan.jobs += sum(job.ended_well for job in project.jobs)
        if plan.capped and not before:
            self.tell_plan(project.account)

    def _denied(self, account: Account, code: int, **extra: object) -> dict[str, Any]:
        self.notify(account, code, **{name: value for name, value in extra.items() if name == "requiredPlans"})
        return {"error": code, "error_message": FAULTS[DENIALS[code][0]].message, **extra}
