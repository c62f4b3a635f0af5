"""Certificates made for a test: an authority of its own, and what it signs."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

_VALID = timedelta(days=30)


@dataclass(frozen=True)
class Certificate:
    """Files in PEM: the certificate, its key, and both in one, as Kafka's keystores want it."""

    chain: Path
    key: Path
    keystore: Path


class Authority:
    """A certificate authority that nobody knows but who is given :attr:`file`.

    Args:
        folder: Where the files are written; it must be there.
        name: Its common name, and the name of its file.
    """

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._folder = folder
        self._name = _name(name)
        self._key = ec.generate_private_key(ec.SECP256R1())
        unlimited = x509.BasicConstraints(ca=True, path_length=None)
        certificate = (
            _begun(self._name, self._name, self._key, datetime.now(UTC))
            .add_extension(unlimited, critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(certificate.public_bytes(Encoding.PEM))

    def issue(
        self, name: str, address: str = "127.0.0.1", *, expired: bool = False, password: str = ""
    ) -> Certificate:
        """Sign a certificate, for servers and clients, with a key that may have a password."""
        key = ec.generate_private_key(ec.SECP256R1())
        begin = datetime.now(UTC) - (2 * _VALID if expired else timedelta())
        host = x509.IPAddress(ipaddress.ip_address(address))
        certificate = (
            _begun(_name(name), self._name, key, begin)
            .add_extension(x509.SubjectAlternativeName([host]), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return self._written(name, certificate, key, password)

    def _written(
        self,
        name: str,
        certificate: x509.Certificate,
        key: ec.EllipticCurvePrivateKey,
        password: str,
    ) -> Certificate:
        encryption: KeySerializationEncryption = NoEncryption()
        if password:
            encryption = BestAvailableEncryption(password.encode())
        chain = certificate.public_bytes(Encoding.PEM)
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
        made = Certificate(*(self._folder / f"{name}.{end}" for end in ("crt", "key", "pem")))
        made.chain.write_bytes(chain)
        made.key.write_bytes(secret)
        made.keystore.write_bytes(secret + chain)
        return made


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _begun(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, begin: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin - timedelta(minutes=5))
        .not_valid_after(begin + _VALID)
    )
