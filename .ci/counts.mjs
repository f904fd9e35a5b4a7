// `node .ci/counts.mjs UNIT.json E2E.json`: says how many tests passed, failed and were skipped, in vitest's reports.
import { readFileSync } from "node:fs";

const [unit, e2e] = process.argv.slice(2).map((file) => {
  try {
    const report = JSON.parse(readFileSync(file, "utf8"));
    return {
      passed: report.numPassedTests,
      // A file that cannot be loaded has no tests that could fail.
      failed: report.numFailedTests + (report.numFailedTests === 0 && !report.success ? 1 : 0),
      skipped: report.numPendingTests + report.numTodoTests,
    };
  } catch {
    return { passed: 0, failed: 1, skipped: 0 };
  }
});
// Everything that these tests need was prepared: one that is skipped hides that it was not.
if (e2e.skipped > 0) {
  console.log(`${e2e.skipped} tests against real parts were skipped; the lines with "skipped:" say why`);
  process.exitCode = 1;
}
console.log(
  `${unit.passed + e2e.passed} passed, ${unit.failed + e2e.failed} failed, ${unit.skipped + e2e.skipped} skipped`,
);
