#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""analyzer-lsp.py PROJECT FILE:LINE-WITH:NAME... - where a name is defined.

Asks rust-analyzer what an editor would ask it, and prints for each name the
file that has the definition, or a - if it knows none within two minutes.
LINE-WITH is a part of the line, NAME in it the word that is asked for.
"""

import json
import os
import pathlib
import subprocess
import sys
import threading
import time

LIMIT = 120


class Server:
    """rust-analyzer, by its protocol over pipes."""

    def __init__(self):
        self.process = subprocess.Popen(
            ['rust-analyzer'], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL)
        self.number = 0
        # Whatever it waits for, this ends.
        self.watchdog = threading.Timer(4 * LIMIT, self.process.kill)
        self.watchdog.daemon = True
        self.watchdog.start()

    def send(self, message):
        text = json.dumps({'jsonrpc': '2.0', **message}).encode()
        self.process.stdin.write(
            b'Content-Length: %d\r\n\r\n' % len(text) + text)
        self.process.stdin.flush()

    def receive(self):
        size = 0
        while True:
            line = self.process.stdout.readline()
            if not line:
                sys.exit('rust-analyzer is gone')
            if line == b'\r\n':
                return json.loads(self.process.stdout.read(size))
            name, _, value = line.partition(b':')
            if name.lower() == b'content-length':
                size = int(value)

    def request(self, method, params):
        """The result, or None if there is an error, as while it still loads."""
        self.number += 1
        self.send({'id': self.number, 'method': method, 'params': params})
        while True:
            answer = self.receive()
            if 'method' in answer:
                if 'id' in answer:
                    # What it wants to know of the editor: nothing special.
                    self.send({'id': answer['id'], 'result': None})
                continue
            if answer.get('id') == self.number:
                return answer.get('result')

    def notify(self, method, params):
        self.send({'method': method, 'params': params})

    def end(self):
        self.watchdog.cancel()
        self.process.kill()
        self.process.wait()


def position(path, part, name):
    with open(path, encoding='utf-8') as file:
        for number, line in enumerate(file):
            at = line.find(part)
            if at >= 0:
                return {'line': number,
                        'character': line.index(name, at)}
    sys.exit(f'{path} has no line with {part}')


def definition(server, path, where):
    until = time.monotonic() + LIMIT
    while time.monotonic() < until:
        found = server.request('textDocument/definition', {
            'textDocument': {'uri': path.as_uri()}, 'position': where})
        if found:
            first = found[0] if isinstance(found, list) else found
            return first.get('uri') or first['targetUri']
        time.sleep(0.5)
    return '-'


def main():
    project = os.path.abspath(sys.argv[1])
    top = pathlib.Path(project).parent
    server = Server()
    server.request('initialize', {
        'processId': os.getpid(), 'rootUri': top.as_uri(),
        'capabilities': {},
        'initializationOptions': {
            'linkedProjects': [project], 'checkOnSave': False,
            'cachePriming': {'enable': False}}})
    server.notify('initialized', {})
    opened = set()
    for question in sys.argv[2:]:
        name, part, word = question.split(':', 1)[0], *question.split(
            ':', 1)[1].rsplit(':', 1)
        path = top / name
        if path not in opened:
            opened.add(path)
            server.notify('textDocument/didOpen', {'textDocument': {
                'uri': path.as_uri(), 'languageId': 'rust', 'version': 1,
                'text': path.read_text(encoding='utf-8')}})
        where = position(path, part, word)
        uri = definition(server, path, where)
        print(f'{name}: {word}: {uri.removeprefix(top.as_uri() + "/")}',
              flush=True)
    server.end()


if __name__ == '__main__':
    main()
