"""What a registry has under an id: its context, what it refers to, rules that encrypt.

The registry is a stand-in: none that runs here has contexts, deletes a version that others refer
to, or has rules for fields.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from stream_scorer.avro.framing import ByFingerprint, ByGuid, ById, SchemaKey
from stream_scorer.avro.schema import Schema, parse
from stream_scorer.errors import ConfigError, ContractError, SchemaGone, Unanswered, Withheld
from stream_scorer.schemas import RegistrySchemas
from tests.schemas.confluent_api import ConfluentApi, confluent_api


def record(name: str, *fields: tuple[str, Any], **more: Any) -> dict[str, Any]:
    """Return the JSON of a record schema, in the namespace ``shop``."""
    body = [{"name": field, "type": kind} for field, kind in fields]
    return {"type": "record", "name": name, "namespace": "shop", "fields": body, **more}


CURRENCY = {"type": "enum", "name": "shop.Currency", "symbols": ["EUR", "USD"]}
ORIGINAL = record("Payment", ("amount", "double"), ("rate", "double"))
EXCHANGED = record("Payment", ("rate", "double"), ("amount", "double"))


def body(schema: Any, *references: tuple[str, str, int], **more: Any) -> dict[str, Any]:
    """Return what is registered; a reference is a name, a subject and a version."""
    listed = [
        {"name": name, "subject": subject, "version": version}
        for name, subject, version in references
    ]
    return {"schema": json.dumps(schema), "references": listed, **more}


def put(
    api: ConfluentApi, subject: str, schema: Any, *references: tuple[str, str, int], **more: Any
) -> int:
    """Register a schema and return its id."""
    status, answer = api.register(subject, body(schema, *references, **more))
    assert status == 200
    return int(answer["id"])


@pytest.fixture
def api() -> Iterator[ConfluentApi]:
    """A registry whose context ``.prod`` has the id 7 too, for another schema."""
    with confluent_api() as served:
        served.schemas[7] = body(ORIGINAL)
        served.subjects["payments-value"] = [7]
        prod = ConfluentApi(schemas={7: body(EXCHANGED)}, subjects={"payments-value": [7]})
        served.contexts[".prod"] = prod
        yield served


@pytest.fixture
def prod(api: ConfluentApi) -> Iterator[RegistrySchemas]:
    """The schemas of that context, as a scorer of the topic ``payments`` asks for them."""
    with RegistrySchemas(api.url, 5.0, subjects=["payments-value"], context="prod") as opened:
        yield opened


# ------------------------------------------------------------------ contexts


@pytest.mark.parametrize(
    ("path", "context", "expected"),
    [
        ("", None, ORIGINAL),
        ("", ".", ORIGINAL),
        ("/contexts/.", None, ORIGINAL),
        ("/contexts/%2E/", ".", ORIGINAL),
        ("", "prod", EXCHANGED),
        ("", ".prod", EXCHANGED),
        ("", ":.prod:", EXCHANGED),
        ("/contexts/.prod", None, EXCHANGED),
        ("/contexts/.prod/", "prod", EXCHANGED),
        ("/contexts/%3A.prod%3A", ".prod", EXCHANGED),
    ],
)
def test_an_id_means_a_schema_of_its_context(
    api: ConfluentApi, path: str, context: str | None, expected: dict[str, Any]
) -> None:
    """Another context has another schema under it, with the same fields in another order."""
    with RegistrySchemas(api.url + path, 5.0, context=context, subjects=["payments-value"]) as it:
        assert it.find(ById(7)) == parse(expected)
        assert it.latest("payments-value") == parse(expected)
        assert it.versions("payments-value") == {1: parse(expected)}
        assert it.find(ByFingerprint(parse(expected).fingerprint)) == parse(expected)


def test_the_question_names_context_and_subject(api: ConfluentApi, prod: RegistrySchemas) -> None:
    """An unqualified subject is answered from the default context, if that has the id."""
    prod.find(ById(7))
    assert api.queries == [{"subject": ":.prod:payments-value"}]


def test_an_id_of_another_subject_of_the_context_is_found(
    api: ConfluentApi, prod: RegistrySchemas
) -> None:
    """That of a second topic, or of its record's name: a registry matches the subject exactly."""
    other = record("Refund", ("amount", "double"))
    number = put(api.contexts[".prod"], "shop.Refund", other)
    assert number not in api.schemas
    assert prod.find(ById(number)) == parse(other)
    with RegistrySchemas(api.url, 5.0, context="prod") as without_a_topic:
        assert without_a_topic.find(ById(number)) == parse(other)


def test_an_id_that_only_the_default_context_has_is_unknown(
    api: ConfluentApi, prod: RegistrySchemas
) -> None:
    """It is another schema's."""
    number = put(api, "payments-value", record("Refund", ("amount", "double")))
    assert prod.find(ById(number)) is None


def test_what_is_written_is_registered_in_the_context(
    api: ConfluentApi, prod: RegistrySchemas
) -> None:
    """Its readers look there; a subject that names its context keeps it."""
    scored = parse(record("Scored", ("score", "double")))
    assert prod.lookup("scored-value", scored) is None
    number = prod.register("scored-value", scored)
    assert prod.lookup("scored-value", scored) == number
    assert api.contexts[".prod"].subjects["scored-value"] == [number]
    assert "scored-value" not in api.subjects
    prod.register(":.:elsewhere-value", scored)
    assert "elsewhere-value" in api.subjects


def test_what_is_referred_to_is_in_the_context_of_what_refers_to_it(
    api: ConfluentApi, prod: RegistrySchemas
) -> None:
    """Unless the reference names another one; then the same goes for what that refers to."""
    for context, symbols in ((".prod", ["WRONG"]), (".shared", ["EUR", "USD"])):
        inner = api.contexts.setdefault(context, ConfluentApi())
        put(inner, "currency", {**CURRENCY, "symbols": symbols})
    put(api, "currency", {**CURRENCY, "symbols": ["WRONG", "TOO"]})
    money = record("Money", ("in", "shop.Currency"))
    put(api.contexts[".shared"], "money", money, ("shop.Currency", "currency", 1))
    number = put(
        api.contexts[".prod"],
        "payments-value",
        record("Paid", ("net", "shop.Money")),
        ("shop.Money", ":.shared:money", 1),
    )
    written_out = record("Money", ("in", CURRENCY))
    assert prod.find(ById(number)) == parse(record("Paid", ("net", written_out)))


@pytest.mark.parametrize("path", ["", "/contexts/.prod"])
def test_what_the_default_context_refers_to_is_in_the_default_context(
    api: ConfluentApi, path: str
) -> None:
    """Also where the address has another one, in which the subject may be as well."""
    put(api.contexts[".prod"], "currency", {**CURRENCY, "symbols": ["WRONG"]})
    put(api, "currency", CURRENCY)
    money = record("Money", ("in", "shop.Currency"))
    put(api, "money", money, ("shop.Currency", "currency", 1))
    paid, reference = record("Paid", ("net", "shop.Money")), ("shop.Money", ":.:money", 1)
    number = put(api.contexts[".prod"], "payments-value", paid, reference)
    written_out = record("Money", ("in", CURRENCY))
    context = None if path else "prod"
    with RegistrySchemas(api.url + path, 5.0, context=context) as schemas:
        assert schemas.find(ById(number)) == parse(record("Paid", ("net", written_out)))


def test_two_contexts_are_a_contradiction(api: ConfluentApi) -> None:
    """Which one is meant can't be guessed."""
    with pytest.raises(ConfigError, match=r"names more than one context, \.dev and \.prod"):
        RegistrySchemas(api.url + "/contexts/.dev", 5.0, context="prod")


# ------------------------------------------------------------------ references


@pytest.fixture
def schemas(api: ConfluentApi) -> Iterator[RegistrySchemas]:
    """The schemas of the default context."""
    with RegistrySchemas(api.url, 5.0, subjects=["payments-value"]) as opened:
        yield opened


def test_a_version_that_is_deleted_softly_is_still_referred_to(
    api: ConfluentApi, schemas: RegistrySchemas
) -> None:
    """As registries have it: its id is still given out, and what needs it can still be read."""
    customer = record("Customer", ("id", "long"))
    put(api, "common-value", customer)
    paid = record("Paid", ("who", "shop.Customer"))
    number = put(api, "payments-value", paid, ("shop.Customer", "common-value", 1))
    api.deleted.add(("common-value", 1))
    assert schemas.find(ById(number)) == parse(record("Paid", ("who", customer)))
    assert schemas.latest("payments-value") == parse(record("Paid", ("who", customer)))


def test_a_fingerprint_is_found_among_versions_that_are_deleted_softly(
    api: ConfluentApi, schemas: RegistrySchemas
) -> None:
    """The topic may still have its events."""
    api.deleted.add(("payments-value", 1))
    put(api, "payments-value", EXCHANGED)
    assert schemas.find(ByFingerprint(parse(ORIGINAL).fingerprint)) == parse(ORIGINAL)
    assert list(schemas.versions("payments-value")) == [2]


@pytest.mark.parametrize("versions", [0, 1])
def test_a_version_that_is_gone_for_good_is_an_answer(
    api: ConfluentApi, schemas: RegistrySchemas, versions: int
) -> None:
    """Whether the subject is gone or the version alone: no waiting brings it back."""
    for _ in range(versions):
        put(api, "common-value", record("Customer", ("id", "long")))
    reference = ("shop.Customer", "common-value", 2)
    number = put(api, "payments-value", record("Paid", ("who", "shop.Customer")), reference)
    keys: tuple[SchemaKey, ...] = (ById(number), ByGuid(api.guid(number)))
    for key in keys:
        with pytest.raises(SchemaGone, match=r"refers to version 2 of subject common-value, which"):
            schemas.find(key)


def test_a_reference_two_levels_down_is_read_or_gone_like_any_other(
    api: ConfluentApi, schemas: RegistrySchemas
) -> None:
    """All versions on the way are deleted softly; then the last one for good."""
    put(api, "currency", CURRENCY)
    money = record("Money", ("in", "shop.Currency"))
    put(api, "money", money, ("shop.Currency", "currency", 1))
    paid = record("Paid", ("net", "shop.Money"))
    number = put(api, "payments-value", paid, ("shop.Money", "money", 1))
    api.deleted.update({("currency", 1), ("money", 1)})
    expected = parse(record("Paid", ("net", record("Money", ("in", CURRENCY)))))
    assert schemas.find(ById(number)) == expected
    del api.subjects["currency"]
    with (
        RegistrySchemas(api.url, 5.0) as others,
        pytest.raises(SchemaGone, match=rf"id {number} refers by way of .* to .* currency, which"),
    ):
        others.find(ById(number))


def put_both(
    api: ConfluentApi, *types: Any, references: Sequence[tuple[str, str, int]] = ()
) -> int:
    """Register a union of A and B, each with a field of one of the types."""
    for name, kind in zip("AB", types, strict=True):
        put(api, name, record(name, ("of", kind)), *references)
    return put(api, "payments-value", ["shop.A", "shop.B"], ("shop.A", "A", 1), ("shop.B", "B", 1))


@pytest.mark.parametrize("other", [CURRENCY, {**CURRENCY, "doc": "What it is in."}])
def test_a_type_that_two_define_alike_is_one(
    api: ConfluentApi, schemas: RegistrySchemas, other: dict[str, Any]
) -> None:
    """Registries let each of them be registered; a description changes nothing."""
    number = put_both(api, CURRENCY, other)
    expected = [record("A", ("of", CURRENCY)), record("B", ("of", "Currency"))]
    assert schemas.find(ById(number)) == parse(expected)


def test_a_type_that_two_define_with_other_aliases_is_one(
    api: ConfluentApi, schemas: RegistrySchemas
) -> None:
    """To Java, and so to a registry, they are equal; a value is the same bytes."""
    field = {"name": "cents", "type": "long", "aliases": ["amount"]}
    money = record("Money", ("cents", "long"))
    number = put_both(api, money, {**money, "fields": [field], "aliases": ["Sum"]})
    expected = [record("A", ("of", money)), record("B", ("of", "Money"))]
    assert schemas.find(ById(number)) == parse(expected)


def test_a_type_that_the_schema_itself_defines_too_is_one(
    api: ConfluentApi, schemas: RegistrySchemas
) -> None:
    """As a producer's library does that writes types out."""
    put(api, "A", record("A", ("of", CURRENCY)))
    own = record("Paid", ("in", CURRENCY), ("a", "shop.A"))
    number = put(api, "payments-value", own, ("shop.A", "A", 1))
    expected = record("Paid", ("in", CURRENCY), ("a", record("A", ("of", "Currency"))))
    assert schemas.find(ById(number)) == parse(expected)


def test_a_reference_that_occurs_twice_is_one(api: ConfluentApi, schemas: RegistrySchemas) -> None:
    """In one list, on two ways, and under two subjects."""
    put(api, "currency", CURRENCY)
    put(api, "currency-2", CURRENCY)
    first, second = ("shop.Currency", "currency", 1), ("shop.Currency", "currency-2", 1)
    put(api, "A", record("A", ("of", "shop.Currency")), first, first)
    put(api, "B", record("B", ("of", "shop.Currency")), second)
    references = [("shop.A", "A", 1), ("shop.B", "B", 1), first, second]
    number = put(api, "payments-value", ["shop.A", "shop.B"], *references)
    expected = [record("A", ("of", CURRENCY)), record("B", ("of", "Currency"))]
    assert schemas.find(ById(number)) == parse(expected)


def test_two_that_differ_are_named(api: ConfluentApi, schemas: RegistrySchemas) -> None:
    """The diamond: two versions of one schema, each by way of another."""
    put(api, "money", record("Money", ("cents", "long")))
    put(api, "money", record("Money", ("cents", "long"), ("in", "string")))
    put(api, "A", record("A", ("of", "shop.Money")), ("shop.Money", "money", 1))
    put(api, "B", record("B", ("of", "shop.Money")), ("shop.Money", "money", 2))
    references = [("shop.A", "A", 1), ("shop.B", "B", 1)]
    number = put(api, "payments-value", ["shop.A", "shop.B"], *references)
    with pytest.raises(
        ContractError,
        match=r"version 1 of subject money and version 2 of subject money define the type "
        r"'shop.Money' differently",
    ) as caught:
        schemas.find(ById(number))
    assert f"schema id {number} can't be read" in str(caught.value)


def test_two_types_of_one_name_that_differ_inside_are_told_apart(
    api: ConfluentApi, schemas: RegistrySchemas
) -> None:
    """By what is written, however deep."""
    number = put_both(api, CURRENCY, {**CURRENCY, "symbols": ["USD", "EUR"]})
    with pytest.raises(ContractError, match=r"version 1 of subject A and version 1 of subject B"):
        schemas.find(ById(number))


@pytest.mark.parametrize(
    ("reference", "sentence"),
    [
        (("shop.A", "loop", 1), "has the unknown type 'shop.A'"),
        (("shop.A", "", 1), "has a reference without a subject or a version"),
        (("shop.A", "deep", 1), "it nests too deep"),
        (("shop.A", "text", 1), r"version 1 of subject text: The schema is not JSON: line 1"),
    ],
)
def test_references_of_no_sense_are_a_broken_contract(
    api: ConfluentApi, schemas: RegistrySchemas, reference: tuple[str, str, int], sentence: str
) -> None:
    """Back to itself, to nowhere, to what no parser gets to the end of, to what is no schema."""
    put(api, "loop", record("B", ("of", "shop.A")), ("shop.A", "loop", 1))
    deep = '{"type": "array", "items": ' * 3_000 + '"int"' + "}" * 3_000
    api.register("deep", {"schema": deep})
    api.register("text", {"schema": "no schema {", "schemaType": "AVRO"})
    number = put(api, "payments-value", record("Paid", ("a", "shop.A")), reference)
    with pytest.raises(ContractError, match=f"schema id {number} can't be read: .*{sentence}"):
        schemas.find(ById(number))


# ------------------------------------------------------------------ rules


def rule(**more: Any) -> dict[str, Any]:
    """Return a rule as Confluent's clients register it for field-level encryption."""
    return {
        "name": "encryptPII",
        "kind": "TRANSFORM",
        "mode": "WRITEREAD",
        "type": "ENCRYPT",
        "tags": ["PII"],
        "params": {"encrypt.kek.name": "payments-kek"},
        "onFailure": "ERROR,NONE",
        "disabled": False,
        **more,
    }


TAGGED = record("Customer", ("id", "long"))
TAGGED["fields"].append({"name": "card", "type": "string", "confluent:tags": ["PII", "PCI"]})
TAGGED["fields"].append({"name": "note", "type": "string", "confluent:tags": ["PUBLIC"]})


@pytest.mark.parametrize(
    ("rules", "named"),
    [
        ({"domainRules": [rule()]}, r"encryptPII \(ENCRYPT\): .* of the fields card and"),
        ({"domainRules": [rule(tags=["PUBLIC", "PCI"])]}, "of the fields card, note and"),
        (
            {"encodingRules": [rule(name="all", type="ENCRYPT_PAYLOAD", tags=None)]},
            r"all \(ENCRYPT_PAYLOAD\): its events hold ciphertext and",
        ),
        ({"domainRules": [rule(type="OUR_CIPHER")]}, r"encryptPII \(OUR_CIPHER\)"),
    ],
)
def test_a_schema_whose_events_are_encrypted_is_refused_by_name(
    api: ConfluentApi, schemas: RegistrySchemas, rules: dict[str, Any], named: str
) -> None:
    """By id, by GUID and at start: ciphertext is no feature. By fingerprint it is not found."""
    number = put(api, "payments-value", TAGGED, ruleSet=rules)
    keys: tuple[SchemaKey, ...] = (ById(number), ByGuid(api.guid(number)))
    for key in keys:
        with pytest.raises(ContractError, match=f"{key} has the encryption rule .*{named}"):
            schemas.find(key)
    assert schemas.find(ByFingerprint(parse(TAGGED).fingerprint)) is None
    with pytest.raises(ContractError, match="has the encryption rule"):
        schemas.latest("payments-value")
    refused = schemas.versions("payments-value")[2]
    assert isinstance(refused, ContractError)


def test_fields_that_the_metadata_tag_are_named(
    api: ConfluentApi, schemas: RegistrySchemas
) -> None:
    """They need no word in the schema itself."""
    metadata = {"tags": {"shop.Payment.amount": ["PII"]}, "properties": {"owner": "us"}}
    rules = {"domainRules": [rule()]}
    number = put(api, "payments-value", ORIGINAL, metadata=metadata, ruleSet=rules)
    with pytest.raises(ContractError, match=r"of the fields shop\.Payment\.amount and"):
        schemas.find(ById(number))


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"ruleSet": {"domainRules": [rule(disabled=True)]}},
        {"ruleSet": {"domainRules": [rule(type="CEL", kind="CONDITION", params=None)]}},
        {"ruleSet": {"migrationRules": [rule(type="JSONATA", mode="UPGRADE", params={})]}},
    ],
)
def test_a_schema_whose_events_are_plain_is_read(
    api: ConfluentApi, schemas: RegistrySchemas, more: dict[str, Any]
) -> None:
    """Tags alone encrypt nothing, nor do other rules."""
    number = put(api, "payments-value", TAGGED, **more)
    assert schemas.find(ById(number)) == parse(TAGGED)


def test_rules_of_what_is_referred_to_encrypt_nothing(
    api: ConfluentApi, schemas: RegistrySchemas
) -> None:
    """Producers go by the rules of the schema that they write with."""
    put(api, "customer", TAGGED, ruleSet={"domainRules": [rule()]})
    reference = ("shop.Customer", "customer", 1)
    paid = record("Paid", ("who", "shop.Customer"))
    plain = put(api, "payments-value", paid, reference)
    assert isinstance(schemas.find(ById(plain)), Schema)
    rules = {"domainRules": [rule()]}
    encrypted = put(api, "payments-value", paid, reference, ruleSet=rules)
    with pytest.raises(ContractError, match="of the fields card and"):
        schemas.find(ById(encrypted))


@pytest.mark.parametrize("context", [None, "prod"])
def test_nothing_is_written_under_a_schema_whose_readers_expect_ciphertext(
    api: ConfluentApi, context: str | None
) -> None:
    """Whether it is there with its rules, or gets those of the subject's configuration."""
    inner = api.contexts[".prod"] if context else api
    scored, rules = parse(record("Scored", ("score", "double"))), {"domainRules": [rule()]}
    with RegistrySchemas(api.url, 5.0, context=context) as before:
        number = before.register("scored-value", scored)
        assert before.lookup("scored-value", scored) == number
    inner.schemas[number]["ruleSet"] = inner.rules["new-value"] = rules
    sentence = r"encryptPII \(ENCRYPT\): who reads it expects ciphertext.*registry.subject"
    with RegistrySchemas(api.url, 5.0, context=context) as after:
        with pytest.raises(ContractError, match=sentence):
            after.lookup("scored-value", scored)
        for ask in (after.compatible, after.register):
            with pytest.raises(ContractError, match=f"subject .*new-value has .*{sentence}"):
                ask("new-value", scored)
    assert "new-value" not in inner.subjects


def test_a_rule_that_the_client_does_not_know_holds_up_no_other_schema(
    api: ConfluentApi, schemas: RegistrySchemas
) -> None:
    """A later registry may have more kinds of rules; what it can't read, the client can't say."""
    number = put(api, "payments-value", TAGGED, ruleSet={"domainRules": [rule(kind="NEWER")]})
    with pytest.raises(Unanswered, match=r"can't be read by its client.*NEWER") as caught:
        schemas.find(ById(number))
    assert isinstance(caught.value, Withheld)
