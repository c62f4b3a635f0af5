"""Why a broker's certificate is not accepted, which librdkafka does not tell.

It says of each certificate that "it could not be verified". OpenSSL knows more, and Python's own
binding to it hands that on, so the handshake is made once more.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping
from pathlib import Path

from stream_scorer.kafka.client_config import Property

_SECONDS = 5.0
#: What OpenSSL calls X509_V_ERR_*, of the errors that people meet.
_NOT_YET, _EXPIRED, _HOSTNAME, _ADDRESS = 9, 10, 62, 64
_UNKNOWN_AUTHORITY = (18, 19, 20, 21)


def why_unverified(address: str, properties: Mapping[str, Property]) -> str:
    """Return what is wrong with the certificate of ``host:port``, and the way out.

    Asks the broker once more, with what ``properties`` say of authorities, for 5 s at most. If
    nothing is wrong now, or nobody answers, the way out is named only.
    """
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    try:
        context = _context(properties)
        with (
            socket.create_connection((host, int(port)), _SECONDS) as connection,
            context.wrap_socket(connection, server_hostname=host),
        ):
            return _UNSAID
    except ssl.SSLCertVerificationError as error:
        return _sentence(error, host)
    except (OSError, ValueError):
        return _UNSAID


_UNSAID = "it could not be verified: correct ssl.ca.location, or have the certificate renewed"


def _context(properties: Mapping[str, Property]) -> ssl.SSLContext:
    given = str(properties.get("ssl.ca.location", ""))
    place = Path(given) if given and given != "probe" else None
    context = ssl.create_default_context(
        cafile=str(place) if place and place.is_file() else None,
        capath=str(place) if place and place.is_dir() else None,
        cadata=str(properties["ssl.ca.pem"]) if "ssl.ca.pem" in properties else None,
    )
    named = properties.get("ssl.endpoint.identification.algorithm", "https")
    context.check_hostname = named != "none"
    return context


def _sentence(error: ssl.SSLCertVerificationError, host: str) -> str:
    if error.verify_code == _EXPIRED:
        return "it has expired: have it renewed, or set this machine's clock right"
    if error.verify_code == _NOT_YET:
        return "it is not valid yet: set this machine's clock right"
    if error.verify_code in (_HOSTNAME, _ADDRESS):
        return (
            f"it is for another host than {host}: use a name that it has, in "
            "kafka.bootstrap_servers and in the brokers' advertised.listeners, or have it issued "
            "for this one"
        )
    if error.verify_code in _UNKNOWN_AUTHORITY:
        return (
            f"it is signed by an authority that this worker does not know "
            f"({error.verify_message}): set ssl.ca.location to that authority's certificate"
        )
    return f"{error.verify_message}: correct ssl.ca.location, or have the certificate renewed"
