import json
import os
from unittest import mock

from parsl_otel.connection import ConnectionFileError, locate, read
from tests.helpers import TempDirTest


class TestConnection(TempDirTest):
    def write(self, content):
        path = os.path.join(self.dir, 'connection.json')
        with open(path, 'w') as file:
            file.write(content if isinstance(content, str) else json.dumps(content))
        return path

    def test_is_found_by_argument_then_environment_then_default_place(self):
        with mock.patch.dict(os.environ, PARSL_OTEL_CONNECTION_FILE='/from/environment', XDG_STATE_HOME='/state'):
            self.assertEqual(locate('/from/argument'), '/from/argument')
            self.assertEqual(locate(), '/from/environment')
            del os.environ['PARSL_OTEL_CONNECTION_FILE']
            self.assertEqual(locate(), '/state/parsl-otel/connection.json')
            del os.environ['XDG_STATE_HOME']
            os.environ['HOME'] = '/home/someone'
            self.assertEqual(locate(), '/home/someone/.local/state/parsl-otel/connection.json')

    def test_reads_all_that_it_needs(self):
        connection = read(self.write({
            'version': 1, 'pid': 1, 'http': {'url': 'http://127.0.0.1:4380', 'token': 'secret'},
            'udp': {'address': '127.0.0.1', 'port': 4381, 'key': '00ff', 'digest': 'sha256'}, 'spool_dir': '/spool'}))
        self.assertEqual((connection.url, connection.token, connection.spool_dir), ('http://127.0.0.1:4380', 'secret', '/spool'))
        self.assertEqual((connection.udp.port, connection.udp.key, connection.udp.digest), (4381, b'\0\xff', 'sha256'))

    def test_takes_a_file_without_udp(self):
        self.assertIsNone(read(self.write({'version': 1, 'http': {'url': 'http://h', 'token': 't'}})).udp)

    def test_takes_a_file_of_a_bridge_whose_datagrams_are_unsigned(self):
        unsigned = {'address': '127.0.0.1', 'port': 4381}
        self.assertIsNone(read(self.write({'version': 1, 'http': {'url': 'http://h', 'token': 't'}, 'udp': unsigned})).udp)

    def test_shows_no_secret_when_printed(self):
        connection = read(self.write({'version': 1, 'http': {'url': 'http://h', 'token': 'secret'},
                                      'udp': {'address': 'h', 'port': 1, 'key': 'cafe'}}))
        self.assertNotRegex(repr(connection), r'secret|cafe|\\xca')

    def test_says_which_file_is_wrong_and_why(self):
        odd_urls = [({'version': 1, 'http': {'url': url, 'token': 't'}}, 'not a') for url in ('x', 'http://h:no', 'ftp://h', 7)]
        odd_files = [('{', 'not a connection'), ({'version': 2}, 'version 2'), ({'version': 1}, "'http'"), ([], 'not a')]
        for content, why in odd_files + odd_urls:
            path = self.write(content)
            with self.assertRaisesRegex(ConnectionFileError, path + '.*' + why):
                read(path)
        with self.assertRaisesRegex(ConnectionFileError, 'no connection file /nowhere'):
            read('/nowhere')
