"""Bad tokens as a table, like Wycheproof's vectors for JSON Web Tokens (github.com/C2SP/wycheproof,
json_web_signature_test): what is wrong with a token, and how it is made from a good one.

In rows named ``signed``, the platform's own key has signed the token: then only its form can be the reason to refuse
it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from docplatform.authentication.access_token import TokenRefused
from docplatform.authentication.adapters.kms_tokens import KmsTokens
from docplatform.authentication.adapters.token_format import LEEWAY, LONGEST
from docplatform.authentication.wiring.access_tokens import tokens
from tests.authentication.token_forge import Forge, coded, text
from tests.support.mocked_aws import REGION, Cloud
from tests.support.mocked_region import new_house

UNAUTHORIZED = "^Unauthorized$"
LIFE = 900


Row = Callable[[Forge], str]

ALGORITHMS: dict[str, Row] = {
    **{f"alg {name!r}": (lambda f, n=name: f.as_algorithm(n, "")) for name in ("none", "None", "NONE", "nOnE", "none ", "")},
    **{f"alg {name!r}, with the signature": (lambda f, n=name: f.as_algorithm(n)) for name in ("none", "None", "NONE", "nOnE", "")},
    **{f"signed: alg {name!r}": (lambda f, n=name: f.with_head(alg=n)) for name in
       ("none", "NONE", "", "rs256", "RS256 ", "RS384", "RS512", "PS256", "ES256", "ES256K", "HS256", "HS512", "EdDSA", "Ed25519", "RSA1_5",
        "RSA-OAEP", "dir", None, 0, True, ["RS256"], {})},
    "signed: no alg": lambda f: f.without_head("alg"),
    **{f"the public key ({form}) as the secret of {algorithm}": (lambda f, k=form, a=algorithm: f.hmac_signed(f.public_key(k), a))
       for form in ("DER", "PEM", "PKCS1") for algorithm in ("HS256", "HS384", "HS512")},
    "an empty secret": lambda f: f.hmac_signed(b""),
    "the kid as the secret": lambda f: f.hmac_signed(str(f.head["kid"]).encode()),
    "the modulus as the secret": lambda f: f.hmac_signed(json.dumps(tokens().key_set()).encode()),
    **{f"{name} by a stranger": (lambda f, n=name: f.by_stranger(n)) for name in ("RS256", "RS512", "PS256", "ES256")},
}  # fmt: skip

HEADERS: dict[str, Row] = {
    "signed: no kid": lambda f: f.without_head("kid"),
    **{f"signed: kid {kid!r}": (lambda f, k=kid: f.with_head(kid=k)) for kid in
       ("", "x", "../../dev/null", "' OR 1=1 --", "1", None, 0, True, [], {}, ["x"], {"x": 1}, "\0", "\N{SNOWMAN}")},
    "signed: a kid with a blank": lambda f: f.with_head(kid=f"{f.head['kid']} "),
    "signed: a kid in a list": lambda f: f.with_head(kid=[f.head["kid"]]),
    "signed: kid twice, the same": lambda f: f.raw_head('"kid":', f'"kid":"{f.head["kid"]}","kid":'),
    "signed: kid twice, ours last": lambda f: f.raw_head('"kid":', '"kid":"x","kid":'),
    "signed: alg twice": lambda f: f.raw_head('"alg":', '"alg":"none","alg":'),
    "jku of a stranger": lambda f: f.by_stranger(jku="https://evil.example/jwks.json"),
    "jwk of a stranger": lambda f: f.by_stranger(jwk=f.jwk()),
    "x5u of a stranger": lambda f: f.by_stranger(x5u="https://evil.example/cert.pem"),
    "x5c of a stranger": lambda f: f.by_stranger(x5c=["MIIB"]),
    **{f"signed: {name}": (lambda f, n=name, v=value: f.with_head(**{n: v})) for name, value in {
        "jku": "https://evil.example/jwks.json", "x5u": "https://evil.example/cert.pem", "jwk": {"kty": "RSA"}, "x5c": ["MIIB"],
        "x5t": "x", "x5t#S256": "x", "zip": "DEF", "enc": "A256GCM", "cty": "JWT", "b64": False, "url": "x", "nonce": "x", "x": 1}.items()},
    **{f"signed: crit {crit!r}": (lambda f, c=crit: f.with_head(crit=c)) for crit in
       ([], ["exp"], ["b64"], ["x"], ["alg"], ["kid"], ["alg", "typ", "kid"], [None], [1], [["alg"]], {}, {"alg": 1}, 0, 1, True, None,
        "", "b64")},
    "signed: b64 false, critical": lambda f: f.with_head(b64=False, crit=["b64"]),
    "signed: b64 true, critical": lambda f: f.with_head(b64=True, crit=["b64"]),
    **{f"signed: b64 {b64!r}, critical": (lambda f, b=b64: f.with_head(b64=b, crit=["b64"])) for b64 in (None, 0, 1, "false", [], {})},
    "signed: a payload that is not encoded (RFC 7797)": lambda f: f.unencoded(json.dumps(f.facts, separators=(",", ":"))),
    "signed: an encoded payload that says it is not": lambda f: f.unencoded(f.parts[1]),
    "signed: a detached payload that is not encoded": lambda f: f.detached(f.unencoded(f.parts[1])),
    "signed: a deflated payload": lambda f: f.deflated(),
    **{f"signed: typ {typ!r}": (lambda f, t=typ: f.with_head(typ=t)) for typ in
       ("jwt", "at+jwt", "JOSE", "JOSE+JSON", "application/jwt", "", None, 1, ["JWT"])},
    "signed: no typ": lambda f: f.without_head("typ"),
    **{f"signed: a header that is {head}": (lambda f, h=head: f.signed(h)) for head in
       ("[]", "null", "1", '"x"', "{}", "", "{", "{]", "NaN", "[" * 900, '{"a":' * 200, "\ufeff{}")},
    "a header of a lone byte": lambda f: f"{text(bytes([255]))}.{f.parts[1]}.{f.parts[2]}",
}  # fmt: skip

FORMS: dict[str, Row] = {
    "one part": lambda f: f.parts[0],
    "two parts": lambda f: ".".join(f.parts[:2]),
    "four parts": lambda f: f"{f.good}.{f.parts[2]}",
    "five parts": lambda f: f"{f.good}.x.y",
    "dots": lambda f: "..",
    "an empty header": lambda f: f".{f.parts[1]}.{f.parts[2]}",
    "an empty payload": lambda f: f"{f.parts[0]}..{f.parts[2]}",
    "an empty signature": lambda f: f"{f.parts[0]}.{f.parts[1]}.",
    "signature of another text": lambda f: f"{f.parts[0]}.{f.parts[1]}.{f.with_claims(role='viewer').split('.')[2]}",
    "header and payload changed about": lambda f: f"{f.parts[1]}.{f.parts[0]}.{f.parts[2]}",
    **{f"cut off by {count}": (lambda f, c=count: f.good[:-c]) for count in (1, 2, 3, 4, 171, 341)},
    **{f"cut off by {count} in front": (lambda f, c=count: f.good[c:]) for count in (1, 4)},
    "a signature of nulls": lambda f: f"{f.parts[0]}.{f.parts[1]}.{text(bytes(256))}",
    "a signature of ones": lambda f: f"{f.parts[0]}.{f.parts[1]}.{text(bytes(255) + bytes([1]))}",
    "a signature with a null in front": lambda f: f"{f.parts[0]}.{f.parts[1]}.{text(bytes(1) + _signature(f))}",
    "a signature with a null behind": lambda f: f"{f.parts[0]}.{f.parts[1]}.{text(_signature(f) + bytes(1))}",
    "a signature with a flipped bit": lambda f: f"{f.parts[0]}.{f.parts[1]}.{text(bytes([_signature(f)[0] ^ 1]) + _signature(f)[1:])}",
    "the header key_text otherwise": lambda f: f.respelt(0),
    "the payload key_text otherwise": lambda f: f.respelt(1),
    "the signature key_text otherwise": lambda f: f.respelt(2),
    **{f"padded: part {part}": (lambda f, p=part: _changed(f, p, lambda x: x + "=" * (-len(x) % 4 or 4))) for part in range(3)},
    **{f"{name} in part {part}": (lambda f, p=part, m=mark: _changed(f, p, lambda x: x[:5] + m + x[5:]))
       for name, mark in {"a blank": " ", "a tab": "\t", "a line feed": "\n", "a plus": "+", "a slash": "/", "a null": "\0",
                          "a percent": "%20", "a comma": ",", "a snowman": "☃", "a full-width A": "Ａ"}.items() for part in range(3)},
    "in the alphabet of plain base64": lambda f: f.signed().replace("-", "+").replace("_", "/") + "+",
    "twice, with a comma": lambda f: f"{f.good}, {f.good}",
    "twice, with a blank": lambda f: f"{f.good} {f.good}",
    "in quotation marks": lambda f: f'"{f.good}"',
    "as JSON": lambda f: json.dumps({"protected": f.parts[0], "payload": f.parts[1], "signature": f.parts[2]}),
    "as general JSON": lambda f: json.dumps(
        {"payload": f.parts[1], "signatures": [{"protected": f.parts[0], "signature": f.parts[2]}]}),
    "detached": lambda f: f.detached(f.good),
    "signed: inside a token": lambda f: f.signed({**f.head, "cty": "JWT"}, f.good),
    "signed: a header longer than joserfc's": lambda f: f.with_head(x="x" * 512),
    "signed: longer than any": lambda f: f.with_claims(more="x" * LONGEST),
    "endless": lambda f: f.good + "A" * 100_000,
    "endless dots": lambda f: "." * 100_000,
    "not ASCII": lambda f: "\N{SNOWMAN}.\N{SNOWMAN}.\N{SNOWMAN}",
    "a lone surrogate": lambda f: "\ud800.x.y",
    "JWE of five parts": lambda f: f"{coded({'alg': 'RSA-OAEP', 'enc': 'A256GCM'})}.a.b.c.d",
    **{f"the claims, encrypted for our public key ({algorithm})": (lambda f, a=algorithm: f.encrypted(json.dumps(f.facts), a))
       for algorithm in ("RSA-OAEP", "RSA-OAEP-256")},
    "the good token, encrypted for our public key": lambda f: f.encrypted(f.good, "RSA-OAEP", cty="JWT"),
    "the first three parts of a JWE": lambda f: ".".join(f.encrypted(f.good, "RSA-OAEP").split(".")[:3]),
}  # fmt: skip


def _signature(forge: Forge) -> bytes:
    return base64.urlsafe_b64decode(forge.parts[2] + "==")


def _changed(forge: Forge, part: int, how: Callable[[str], str]) -> str:
    pieces = list(forge.parts)
    pieces[part] = how(pieces[part])
    return ".".join(pieces)


def _now() -> int:
    return int(datetime.now(UTC).timestamp())


CLAIMS: dict[str, Row] = {
    **{f"signed: no {name}": (lambda f, n=name: f.without_claim(n)) for name in ("iss", "aud", "tid", "sub", "sid", "iat", "exp")},
    **{f"signed: {name} {value!r}": (lambda f, n=name, v=value: f.with_claims(**{n: v}))
       for name in ("aud", "tid", "sub", "sid") for value in ("", "x", None, 0, True, [], {}, ["x"])},
    "signed: aud a list of ours": lambda f: f.with_claims(aud=[f.facts["aud"]]),
    "signed: aud a list with ours in it": lambda f: f.with_claims(aud=["x", f.facts["aud"]]),
    "signed: aud and tid the same list": lambda f: f.with_claims(aud=[f.facts["aud"]], tid=[f.facts["aud"]]),
    "signed: aud another tenant": lambda f: f.with_claims(aud="t000000000000"),
    "signed: tid another tenant": lambda f: f.with_claims(tid="t000000000000"),
    "signed: another region": lambda f: f.with_claims(iss="docplatform:eu-central-1"),
    **{f"signed: iss {iss!r}": (lambda f, i=iss: f.with_claims(iss=i)) for iss in
       ("", "docplatform", f"docplatform:{REGION} ", f"DOCPLATFORM:{REGION}", None, [f"docplatform:{REGION}"])},
    **{f"signed: {name} {kind}": (lambda f, n=name, m=make: f.with_claims(**{n: m(f.facts[n])}))
       for name in ("exp", "iat") for kind, make in {
        "as text": str, "as a float": float, "as a fraction": lambda x: x + 0.5, "null": lambda x: None, "true": lambda x: True,
        "in a list": lambda x: [x], "negative": lambda x: -x, "zero": lambda x: 0, "huge": lambda x: 10**30,
        "in milliseconds": lambda x: x * 1000,
        "as a date": lambda x: "2099-01-01T00:00:00Z"}.items()},
    "signed: exp endless": lambda f: f.raw_claim(f'"exp":{f.facts["exp"]}', '"exp":1e999'),
    "signed: exp Infinity": lambda f: f.raw_claim(f'"exp":{f.facts["exp"]}', '"exp":Infinity'),
    "signed: exp NaN": lambda f: f.raw_claim(f'"exp":{f.facts["exp"]}', '"exp":NaN'),
    "signed: exp of 1,000 digits": lambda f: f.raw_claim(f'"exp":{f.facts["exp"]}', '"exp":' + "9" * 1_000),
    "signed: exp with an exponent": lambda f: f.raw_claim(f'"exp":{f.facts["exp"]}', f'"exp":{f.facts["exp"]}e0'),
    "signed: exp twice": lambda f: f.raw_claim('"exp":', f'"exp":{f.facts["exp"]},"exp":'),
    "signed: sub twice": lambda f: f.raw_claim('"sub":', '"sub":"usr_x","sub":'),
    "signed: tid twice, by an escape": lambda f: f.raw_claim('"tid":', '"\\u0074id":"x","tid":'),
    "signed: a claim twice, deep inside": lambda f: f.raw_claim('"tid":', '"x":{"a":1,"a":2},"tid":'),
    "signed: longer life": lambda f: f.with_claims(exp=f.facts["iat"] + LIFE + 1),
    "signed: ends before it begins": lambda f: f.with_claims(exp=f.facts["iat"] - 1, iat=f.facts["iat"] + 10),
    "signed: of tomorrow": lambda f: f.with_claims(iat=_now() + 86_400, exp=_now() + 86_400 + LIFE),
    "signed: not yet": lambda f: f.with_claims(nbf=_now() + LEEWAY + 60),
    **{f"signed: nbf {value!r}": (lambda f, v=value: f.with_claims(nbf=v)) for value in ("0", 0.5, None, True, [], 10**30)},
    **{f"signed: a payload that is {body}": (lambda f, b=body: f.signed(body=b)) for body in
       ("[]", "null", "1", '"x"', "{}", " ", "{", "{]", "NaN", "[" * 1_200, '{"a":' * 200, "\ufeff{}")},
    "signed: a payload of lone bytes": lambda f: _of_bytes(f, b"\xff\xfe"),
    "signed: a payload in UTF-16": lambda f: _of_bytes(f, json.dumps(f.facts).encode("utf-16-le")),
    "signed: a payload with more behind": lambda f: f.signed(body=json.dumps(f.facts) + "{}"),
    "another payload under the signature": lambda f: f"{f.parts[0]}.{coded({**f.facts, 'role': 'admin', 'sub': 'usr_x'})}.{f.parts[2]}",
    "signed: no such session": lambda f: f.with_claims(sid="ses_" + "0" * 26),
    "signed: no such user": lambda f: f.with_claims(sub="usr_" + "0" * 26),
    "signed: a session that is a key": lambda f: f.with_claims(sid="ses_x#y"),
}  # fmt: skip


def _of_bytes(forge: Forge, body: bytes) -> str:
    message = f"{forge.parts[0]}.{text(body)}"
    return f"{message}.{text(tokens()._sign(message.encode()))}"


TABLE = {**ALGORITHMS, **HEADERS, **FORMS, **CLAIMS}


@pytest.fixture
def forge(region: Cloud) -> Forge:
    kept: Forge | None = getattr(region, "forge", None)
    if kept is None or kept.facts["exp"] - _now() < 120:
        house = new_house(region)
        kept = region.forge = Forge(house, house.moves_in()["access_token"])  # type: ignore[attr-defined]
    return kept


def test_the_good_token_and_its_signed_copy_are_accepted(forge: Forge) -> None:
    for token in (
        forge.good,
        forge.signed(),
        forge.with_claims(more="claims"),
        forge.with_claims(nbf=forge.facts["iat"]),
    ):
        assert forge.house.authorizes(token)["context"]["user_id"] == forge.facts["sub"]


@pytest.mark.parametrize("flaw", TABLE)
def test_a_bad_token_is_401_with_one_line_that_does_not_hold_it(
    forge: Forge, flaw: str, capsys: pytest.CaptureFixture[str]
) -> None:
    token = TABLE[flaw](forge)
    capsys.readouterr()
    with pytest.raises(Exception, match=UNAUTHORIZED):
        forge.house.authorizes(token)
    (line,) = capsys.readouterr().out.splitlines()
    found = json.loads(line)
    assert (found["level"], found["event"]) == ("INFO", "authorize")
    assert found["refused"]
    for part in token.split("."):
        assert len(part) < 8 or part not in line


def test_a_good_token_of_another_tenant_is_denied_without_a_reason(
    forge: Forge, region: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    """403 and not 401, because the token is valid elsewhere (docs/adr/0004)."""
    other = new_house(region)
    capsys.readouterr()
    (statement,) = other.authorizes(forge.good)["policyDocument"]["Statement"]
    assert statement["Effect"] == "Deny"
    text = capsys.readouterr().out
    assert json.loads(text.splitlines()[0])["refused"] == "another tenant's token"
    assert not any(part in text for part in forge.parts)


# -- the limits of validity


def reads(token: str, at: float) -> str:
    """'' if the token is accepted, otherwise the reason of the refusal."""
    try:
        tokens().read(token, datetime.fromtimestamp(at, UTC))
    except TokenRefused as refused:
        return str(refused)
    return ""


@pytest.mark.parametrize(
    ("claims", "at", "why"),
    [
        ({}, 0, ""),
        ({}, LIFE - 1, ""),
        ({}, LIFE - 0.001, ""),
        ({}, LIFE, "expired"),
        ({}, LIFE + 1, "expired"),
        ({}, -LEEWAY, ""),
        ({}, -LEEWAY - 0.001, "of a time to come"),
        ({"nbf": 100}, 100, ""),
        ({"nbf": 100}, 100 - LEEWAY, ""),
        ({"nbf": 100}, 99 - LEEWAY, "of a time to come"),
        ({"exp": 1}, 0, ""),
        ({"exp": 1}, 1, "expired"),
        ({"exp": 0}, 0, "not a life that we give"),
        ({"exp": LIFE + 1}, 0, "not a life that we give"),
    ],
)
def test_the_limits_of_a_tokens_validity(forge: Forge, claims: dict[str, int], at: float, why: str) -> None:
    issued = forge.facts["iat"]
    token = forge.with_claims(**{name: issued + offset for name, offset in claims.items()})
    assert reads(token, issued + at) == why


def test_an_expired_token_is_distinguished_from_a_forged_one(forge: Forge) -> None:
    late = datetime.fromtimestamp(forge.facts["exp"], UTC) + timedelta(seconds=1)
    for token, expired in ((forge.good, True), (forge.with_claims(iss="x"), False), (forge.by_stranger(), False)):
        with pytest.raises(TokenRefused) as refused:
            tokens().read(token, late)
        assert refused.value.expired is expired


def test_a_token_as_another_region_issues_it_is_refused_here(forge: Forge) -> None:
    ours = tokens()
    theirs = KmsTokens(ours._client, ours._key_arns, "eu-central-1")
    now = datetime.now(UTC)
    claims = ours.read(forge.good, now)
    with pytest.raises(TokenRefused, match="another issuer"):
        ours.read(theirs.issue(claims, "admin", "j", now), now)
