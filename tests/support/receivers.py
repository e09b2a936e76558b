"""Receivers on loopback that speak what Alertmanager sends to, and refuse what the real ones refuse."""

from __future__ import annotations

import json
import re
import ssl
import threading
import time
from collections.abc import Callable
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope

from support.processes import free_port

Check = Callable[[Any], list[str]]

SEVERITIES = ("critical", "error", "warning", "info")
# What Slack shows as its own: links, dates; anything else in angle brackets is an injection.
SLACK_OWN = re.compile(r"<(https?://[^<>|]+\|[^<>|]+|!date\^\d+\^[^<>|^]+\|[^<>|]+)>")


def until(what: Callable[[], Any], message: str = "", seconds: float = 20.0) -> Any:
    """Return what a function returns once that is true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := what():
            return found
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds} seconds: {message or what}")


def texts(document: dict[str, Any], where: str, **limits: int) -> list[str]:
    """Return what is wrong with fields that must be text of at most a length; a limit below 0: and not empty."""
    problems = []
    for name, limit in limits.items():
        value = document.get(name, "")
        if not isinstance(value, str):
            problems.append(f"{where}.{name}: not text")
        elif len(value) > abs(limit) or (limit < 0 and not value.strip()):
            problems.append(f"{where}.{name}: {len(value)} characters")
    return problems


def slack(body: Any) -> list[str]:
    """Slack's incoming webhook with attachments, docs.slack.dev/messaging and /legacy/legacy-messaging."""
    attachments = body.get("attachments")
    if not isinstance(attachments, list) or not 0 < len(attachments) <= 100:
        return ["no_text" if not attachments else "too_many_attachments"]
    problems = []
    for item in attachments:
        problems += texts(
            item, "attachment", text=-8_000, fallback=-1_100, title=1_024, title_link=3_000, footer=300
        )
        if not re.fullmatch(r"#[0-9a-f]{6}|good|warning|danger", item.get("color", "good")):
            problems.append(f"invalid color {item['color']}")
        actions = item.get("actions", [])
        if len(actions) > 5:
            problems.append("more than 5 actions")
        for action in actions:
            problems += texts(action, "action", text=-75, url=-3_000)
            if action.get("type") != "button" or not re.match(r"https?://\S+$", action.get("url", "")):
                problems.append(f"not a link button: {action}")
        for name in ("text", "title", "fallback", "footer"):
            value = item.get(name, "")
            rest = SLACK_OWN.sub("", value) if name == "text" else value
            if re.search(r"[<>]|&(?!amp;|lt;|gt;)", rest):
                problems.append(f"{name}: not escaped: {rest[:200]}")
            if name == "text" and any(line.count("`") % 2 or line.count("*") % 2 for line in value.split("\n")):
                problems.append(f"markup left open: {value}")
    return problems


def pagerduty(body: Any) -> list[str]:
    """PagerDuty's Events API v2, developer.pagerduty.com/docs/send-alert-event."""
    problems = texts(body, "event", routing_key=-32, dedup_key=255, client=1_024, client_url=3_000)
    if len(body.get("routing_key", "")) != 32:
        problems.append("'routing_key' must be 32 characters")
    action = body.get("event_action")
    if action not in ("trigger", "acknowledge", "resolve"):
        problems.append("'event_action' is invalid")
    if action != "trigger" and not body.get("dedup_key"):
        problems.append("'dedup_key' is missing")
    for link in body.get("links", []):
        if not re.match(r"https?://\S+$", link.get("href", "")) or not link.get("text"):
            problems.append(f"link: {link}")
    if action == "trigger":
        payload = body.get("payload")
        if not isinstance(payload, dict):
            return [*problems, "'payload' is missing"]
        problems += texts(payload, "payload", summary=-1_024, source=-255, component=255, group=255)
        if payload.get("severity") not in SEVERITIES:
            problems.append(f"'payload.severity' is invalid: {payload.get('severity')!r}")
        if not isinstance(payload.get("custom_details", {}), dict):
            problems.append("'payload.custom_details' is no object")
    if len(json.dumps(body)) > 512 * 1024:
        problems.append("event is too large")
    return problems


def webhook(body: Any) -> list[str]:
    """Alertmanager's own webhook, version 4; unknown fields are for later versions."""
    if body.get("version") != "4" or body.get("status") not in ("firing", "resolved"):
        return ["version or status"]
    problems = texts(body, "body", groupKey=-100_000, receiver=-100, externalURL=-1_000)
    problems += [
        f"{name}: no object" for name in ("groupLabels", "commonLabels") if not isinstance(body[name], dict)
    ]
    for alert in body["alerts"]:
        problems += texts(alert, "alert", status=-8, startsAt=-40, endsAt=-40, fingerprint=-16)
        if "alertname" not in alert["labels"] or not isinstance(alert["annotations"], dict):
            problems.append(f"alert: {alert}")
    return problems if body["alerts"] else ["no alerts"]


class Inbox:
    """One HTTP receiver: what it took, and what it refused with the reasons."""

    def __init__(self, path: str, check: Check, answer: tuple[int, str], token: str | None = None) -> None:
        self.path = path
        self.taken: list[dict[str, Any]] = []
        self.refused: list[tuple[list[str], bytes]] = []
        inbox = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                try:
                    document = json.loads(body)
                    problems = check(document)
                except (ValueError, KeyError, TypeError, AttributeError) as error:
                    problems = [repr(error)]
                if self.path != path or "application/json" not in self.headers["Content-Type"]:
                    problems.append(f"{self.path} {self.headers['Content-Type']}")
                status, text = (
                    answer if not problems else (400, json.dumps({"status": "invalid", "errors": problems}))
                )
                if token is not None and self.headers["Authorization"] != f"Bearer {token}":
                    problems.append(f"Authorization: {self.headers['Authorization']}")
                    status, text = 401, "{}"
                if problems:
                    inbox.refused.append((problems, body))
                else:
                    inbox.taken.append(document)
                    text = text.replace("DEDUP", document.get("dedup_key", ""))
                self.send_response(status)
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, format: str, *arguments: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port: int = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}{path}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def names(self) -> list[set[str]]:
        """Return the names of the alerts of each webhook."""
        return [{alert["labels"]["alertname"] for alert in body["alerts"]} for body in self.taken]

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Mailbox:
    """An SMTP server that insists on TLS and on a password."""

    def __init__(self, password: str) -> None:
        self.mails: list[EmailMessage] = []
        self.authority = trustme.CA()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert("127.0.0.1").configure_cert(context)
        self._controller = Controller(
            self,
            hostname="127.0.0.1",
            port=free_port(),
            tls_context=context,
            require_starttls=True,
            auth_required=True,
            auth_exclude_mechanism=["LOGIN"],  # its challenges are not the ones that Alertmanager answers
            authenticator=lambda server, session, envelope, mechanism, given: AuthResult(
                success=given.password == password.encode()
            ),
        )
        self._controller.start()
        self.port: int = self._controller.port

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's
        message = message_from_bytes(bytes(envelope.content or b""), policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.mails.append(message)
        return "250 OK"

    def part(self, number: int, subtype: str) -> str:
        """Return the plain or the HTML part of a mail."""
        part = self.mails[number].get_body((subtype,))
        assert part is not None
        text: str = part.get_content()
        return text

    def stop(self) -> None:
        self._controller.stop()
