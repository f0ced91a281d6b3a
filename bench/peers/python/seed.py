"""One delta at a time, a GET and a PATCH each, from the beginning of the source topic until SIGTERM."""

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from types import FrameType
from urllib.parse import quote

import httpx
from confluent_kafka import Consumer, KafkaException

REQUEST_LIMIT_S = 10
BACKOFF_BASE_S = 0.1
BACKOFF_CAP_S = 10
# Of a 429 without Retry-After.
RATE_LIMIT_PAUSE_S = 5
# Before it expires.
TOKEN_MARGIN_S = 30
# The directory API beneath SCIM takes no more members a request.
MEMBERS_PER_PATCH = 50

stopping = False


def log(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def retry_after(answer: httpx.Response) -> float | None:
    """Seconds, or an HTTP date (RFC 9110 section 10.2.3)."""
    header = answer.headers.get("retry-after")
    if header is None:
        return None
    if header.isdigit():
        return float(header)
    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - time.time())
    except ValueError:
        return None


def with_retries(attempt: Callable[[], httpx.Response | None]) -> httpx.Response:
    """The first answer but 429 and 5xx; an attempt without an answer counts as a failure."""
    failures = 0
    while True:
        try:
            answer = attempt()
        except httpx.TransportError as error:
            log(f"lost connection: {error!r}")
            answer = None
        if answer is not None and answer.status_code != 429 and answer.status_code < 500:
            return answer
        pause = None if answer is None else retry_after(answer)
        if pause is None and answer is not None and answer.status_code == 429:
            pause = RATE_LIMIT_PAUSE_S
        if pause is None:
            # Full jitter.
            pause = random.random() * min(BACKOFF_CAP_S, BACKOFF_BASE_S * 2**failures)
            failures += 1
        time.sleep(pause)


class Target:
    """Sends requests until they are answered: lost connections, 401, 429 and 5xx are retried."""

    def __init__(self) -> None:
        self._http = httpx.Client(timeout=REQUEST_LIMIT_S)
        self._api_url = os.environ["GENESYS_API_URL"]
        self._login_url = os.environ["GENESYS_LOGIN_URL"]
        self._credentials = (os.environ["GENESYS_CLIENT_ID"], os.environ["GENESYS_CLIENT_SECRET"])
        self._token: str | None = None
        self._token_expires_at = 0.0

    def send(self, method: str, path: str, **rest) -> httpx.Response:
        headers = rest.pop("headers", {})

        def attempt() -> httpx.Response | None:
            authorization = {"authorization": f"Bearer {self._current_token()}"}
            answer = self._http.request(method, self._api_url + path, headers=headers | authorization, **rest)
            if answer.status_code != 401:
                return answer
            self._token = None
            return None

        return with_retries(attempt)

    def _current_token(self) -> str:
        if self._token is None or time.monotonic() >= self._token_expires_at:
            form = {"grant_type": "client_credentials"}
            url = f"{self._login_url}/oauth/token"
            answer = with_retries(lambda: self._http.post(url, auth=self._credentials, data=form))
            if answer.status_code != 200:
                raise SystemExit(f"the login host answers {answer.status_code}: {answer.text}")
            issued = answer.json()
            self._token = issued["access_token"]
            self._token_expires_at = time.monotonic() + issued["expires_in"] - TOKEN_MARGIN_S
        return self._token


def read_group(target: Target, path: str) -> tuple[str, set[str]] | None:
    """ETag and members; None: the target refuses to show the group."""
    while True:
        answer = target.send("GET", path)
        if answer.status_code != 200:
            log(f"{path} is refused with {answer.status_code}: {answer.text}")
            return None
        try:
            group = answer.json()
        except ValueError:
            time.sleep(1)
            continue
        etag = answer.headers.get("etag") or f'"{group["meta"]["version"]}"'
        return etag, {member["value"] for member in group.get("members") or []}


def patch_of(changes: list[tuple[str, bool]]) -> dict:
    """A remove of the bare attribute would take every member (RFC 7644 section 3.5.2.2): one operation each."""
    added = [{"value": member} for member, is_member in changes if is_member]
    operations = [{"op": "add", "path": "members", "value": added}] if added else []
    for member, is_member in changes:
        if not is_member:
            operations.append({"op": "remove", "path": f"members[value eq {json.dumps(member)}]"})
    return {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations}


def is_version_conflict(answer: httpx.Response) -> bool:
    """The vendor documents 400 with scimType invalidVers and 409; 412 is RFC 9110's."""
    if answer.status_code == 400:
        text = answer.text.lower()
        return '"invalidvers"' in text or "not match the current version" in text or "not match current version" in text
    return answer.status_code in (409, 412)


def change_group(target: Target, group: str, wanted: dict[str, bool]) -> None:
    """Returns when the group is as asked, or the target has refused what is not."""
    path = f"/api/v2/scim/v2/groups/{quote(group, safe='')}"
    members_max = MEMBERS_PER_PATCH
    refused: set[str] = set()
    while (snapshot := read_group(target, path)) is not None:
        etag, members = snapshot
        left = [
            (member, is_member)
            for member, is_member in wanted.items()
            if (member in members) != is_member and member not in refused
        ]
        if not left:
            return
        chunk = left[:members_max]
        headers = {"content-type": "application/scim+json", "if-match": etag}
        answer = target.send("PATCH", path, headers=headers, content=json.dumps(patch_of(chunk)))
        if answer.is_success:
            # A success without an ETag may be a proxy's: the group is read again.
            if len(chunk) == len(left) and "etag" in answer.headers:
                return
        elif not is_version_conflict(answer):
            if len(chunk) > 1:
                # One unknown member refuses the whole request: halved until it is alone.
                members_max = (len(chunk) + 1) // 2
            else:
                refused.add(chunk[0][0])
                log(f"{path}: {chunk} is refused with {answer.status_code}: {answer.text}")


def apply_delta(target: Target, value: bytes) -> None:
    try:
        event = json.loads(value)
        group = event["group_id"]
        # A member in both lists is removed.
        wanted = dict.fromkeys(event.get("add_members") or [], True)
        wanted |= dict.fromkeys(event.get("remove_members") or [], False)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        log(f"a record that is no change event is skipped: {error!r}")
        return
    change_group(target, group, wanted)


def stop(_signal: int, _frame: FrameType | None) -> None:
    global stopping
    if stopping:
        raise SystemExit(0)
    stopping = True
    # What waits for the target longer than this is left to the next start.
    signal.signal(signal.SIGALRM, stop)
    signal.alarm(10)


def main() -> None:
    signal.signal(signal.SIGTERM, stop)
    target = Target()
    consumer = Consumer(
        {
            "bootstrap.servers": os.environ["KAFKA_BROKERS"],
            "group.id": os.environ["KAFKA_GROUP_ID"],
            "auto.offset.reset": "earliest",
            # What is stored is committed in the background, so a delta is stored once it is applied.
            "enable.auto.offset.store": False,
        }
    )
    consumer.subscribe([os.environ["SOURCE_TOPIC"]])
    try:
        while not stopping:
            record = consumer.poll(0.5)
            if record is None:
                continue
            if record.error():
                log(f"Kafka: {record.error()}")
                continue
            if record.value() is not None:
                apply_delta(target, record.value())
            try:
                consumer.store_offsets(record)
            except KafkaException as error:
                # The partition has another owner meanwhile, which reads the delta again.
                log(f"Kafka: {error}")
    finally:
        consumer.close()


main()
