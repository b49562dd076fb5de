"""The connection file: where the bridge listens and how to prove that we may talk to it.

The bridge writes it (mode 0600) when it starts; it is read again whenever the bridge does not answer or no longer knows our token,
because a bridge that was started again may have another port and another token.
"""
from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, Optional, Union
from urllib.parse import urlsplit

VERSION = 1


class ConnectionFileError(Exception):
    """There is no usable connection file. The text says which file and why."""


@dataclass(frozen=True)
class Udp:
    """The bridge's UDP receiver. Every datagram begins with the HMAC of the rest."""

    address: str
    port: int
    key: bytes = field(repr=False)
    digest: str


@dataclass(frozen=True)
class Connection:
    """What one connection file says."""

    path: str
    url: str
    token: str = field(repr=False)
    udp: Optional[Udp] = None
    spool_dir: Optional[str] = None


def locate(argument: Optional[Union[str, 'os.PathLike[str]']] = None) -> str:
    """The path of the connection file: argument, else PARSL_OTEL_CONNECTION_FILE, else the default place."""
    given = argument or os.environ.get('PARSL_OTEL_CONNECTION_FILE')
    if given:
        return os.path.abspath(os.path.expanduser(os.fspath(given)))
    state = os.environ.get('XDG_STATE_HOME') or os.path.join(Path.home(), '.local', 'state')
    return os.path.join(state, 'parsl-otel', 'connection.json')


def read(path: str) -> Connection:
    """Read the file; raises ConnectionFileError."""
    try:
        with open(path, encoding='utf-8') as file:
            content = json.load(file)
        if content['version'] != VERSION:
            raise ConnectionFileError(f'{path}: version {content["version"]!r}, this plugin reads version {VERSION}')
        http = content['http']
        return Connection(path=path, url=_url(http), token=_text(http, 'token'), udp=_udp(content.get('udp')),
                          spool_dir=_text(content, 'spool_dir') if content.get('spool_dir') else None)
    except FileNotFoundError as error:
        raise ConnectionFileError(f'there is no connection file {path}') from error
    except OSError as error:
        raise ConnectionFileError(f'{path}: {error.strerror}') from error
    except (ValueError, KeyError, TypeError) as error:
        raise ConnectionFileError(f'{path} is not a connection file: {error!r}') from error


def _url(section: Dict[str, Any]) -> str:
    url = _text(section, 'url')
    parts = urlsplit(url)
    if parts.scheme not in ('http', 'https') or not parts.hostname or parts.port == 0:  # Asking for the port checks it.
        raise ValueError(f'url is {url!r}')
    return url


def _udp(section: Optional[Dict[str, Any]]) -> Optional[Udp]:
    # A bridge that takes unsigned datagrams tells no key: our radio signs, so it does not send to that one.
    if not section or 'key' not in section:
        return None
    return Udp(address=_text(section, 'address'), port=int(section['port']),
               key=bytes.fromhex(section['key']), digest=section.get('digest', 'sha512'))


def _text(section: Dict[str, Any], key: str) -> str:
    value = section[key]
    if not isinstance(value, str):
        raise TypeError(f'{key} is {value!r}')
    return value
