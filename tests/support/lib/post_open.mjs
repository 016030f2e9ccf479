// The inside of open-url: one POST /open that does not wait for the pages.
const { AUTHFLOW_TEST_BROWSER: browser, AUTHFLOW_TEST_BROWSER_AS: mode = 'alice' } = process.env;

try {
  const body = JSON.stringify({ url: process.argv[2], mode, detach: true });
  const response = await fetch(`${browser}/open`, { method: 'POST', body });
  if (!response.ok) throw new Error(`status ${response.status}`);
} catch (error) {
  console.error(`open-url: no browser at AUTHFLOW_TEST_BROWSER=${browser ?? ''}: ${error.cause?.code ?? error.message}`);
  process.exitCode = 3;
}
