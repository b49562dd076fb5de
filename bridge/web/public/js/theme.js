// Runs before anything is drawn, so that a page in the chosen theme never flashes in the other one.
(() => {
  const root = document.documentElement;
  const read = () => {
    try {
      return localStorage.getItem('theme');
    } catch {
      return null; // Storage may be forbidden: then the choice lasts as long as the page.
    }
  };
  const isDark = () =>
    (root.dataset.theme ?? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light')) === 'dark';
  const saved = read();
  if (saved === 'dark' || saved === 'light') root.dataset.theme = saved;
  addEventListener('DOMContentLoaded', () => {
    document.getElementById('theme')?.addEventListener('click', () => {
      root.dataset.theme = isDark() ? 'light' : 'dark';
      try {
        localStorage.setItem('theme', root.dataset.theme);
      } catch {
        // As above.
      }
    });
  });
})();
