import os
import stat

from parsl_otel import capture
from parsl_otel.spool import Spool, sweep_maildir
from tests.helpers import TempDirTest, frames


class TestSpool(TempDirTest):
    def spool(self, *directories, bytes_max=1000):
        return Spool(lambda: directories or [self.dir], lambda: 'run-1', bytes_max)

    def test_leaves_no_file_where_nothing_was_kept(self):
        self.assertIsNone(self.spool().close())
        self.assertEqual(os.listdir(self.dir), [])

    def test_is_complete_when_it_has_its_name_and_is_for_the_owner_alone(self):
        spool = self.spool()
        spool.write([capture.frame(3, 1.5, b'one'), capture.frame(14, 2.5, b'two')])
        self.assertEqual(os.listdir(self.dir), ['run-1.capture.tmp'])
        path = spool.close()
        self.assertEqual((os.listdir(self.dir), os.path.basename(path)), (['run-1.capture'], 'run-1.capture'))
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        with open(path, 'rb') as file:
            self.assertEqual(frames(file.read()), [(3, 1.5, b'one'), (14, 2.5, b'two')])

    def test_takes_the_next_directory_where_one_can_not_be_written(self):
        spool = self.spool('/nowhere/at/all', self.dir)
        self.assertTrue(spool.write([b'x']))
        self.assertEqual(os.path.dirname(spool.close()), self.dir)

    def test_counts_what_does_not_fit(self):
        spool = self.spool(bytes_max=10)
        self.assertFalse(spool.write([b'12345678', b'1234']))
        self.assertEqual((spool.kept, spool.lost, os.path.getsize(spool.close())), (1, 1, 8))

    def test_counts_everything_as_lost_where_there_is_no_directory(self):
        spool = self.spool('/nowhere')
        self.assertFalse(spool.write([b'1', b'2']))
        self.assertEqual((spool.kept, spool.lost, spool.close()), (0, 2, None))

    def test_cuts_no_frame_when_the_disk_is_full(self):
        spool = self.spool()
        spool.write([b'whole'])
        full = open('/dev/full', 'wb', buffering=0)
        self.addCleanup(full.close)
        real, written = spool._file.write, []
        spool._file = _Failing(spool._file, full, written)
        self.assertFalse(spool.write([b'never']))
        spool._file = spool._file.file
        self.assertEqual((spool.kept, spool.lost), (1, 1))
        with open(spool.close(), 'rb') as file:
            self.assertEqual(file.read(), b'whole')
        self.assertTrue(real and written)

    def test_takes_in_the_files_of_a_radio(self):
        new = os.path.join(self.dir, 'monitor-fs-radio', 'new')
        os.makedirs(new)
        for name in 'ab':
            with open(os.path.join(new, name), 'w') as file:
                file.write(name)
        spool = self.spool()
        self.assertEqual(sorted(sweep_maildir(self.dir, spool, 3.0)), [os.path.join(new, 'a'), os.path.join(new, 'b')])
        with open(spool.close(), 'rb') as file:
            self.assertEqual(sorted(frames(file.read())), [(11, 3.0, b'a'), (11, 3.0, b'b')])
        self.assertEqual(sweep_maildir('/nowhere', spool, 3.0), [])


class _Failing:
    """A file on a disk with room for three more bytes."""

    def __init__(self, file, full, written):
        self.file, self._full, self._written, self.name = file, full, written, file.name

    def __getattr__(self, name):
        return getattr(self.file, name)

    def write(self, data):
        if self._written:
            return self._full.write(data)
        self._written.append(1)
        return self.file.write(data[:3])
