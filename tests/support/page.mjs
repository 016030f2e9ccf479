#!/usr/bin/env node
// Looks at a page in Chromium as people with different screens see it: page.mjs URL [flags]. One JSON line a look.
import { launch } from './lib/drive.mjs';
import { look } from './lib/look.mjs';
import { readOptions, run } from './lib/program.mjs';

const DEFAULTS = { widths: ['400', '1280'], schemes: ['light', 'dark'], screenshots: '', height: 0, headed: false };

run(async () => {
  const { options, positionals } = readOptions(DEFAULTS);
  if (positionals.length !== 1) throw new Error('usage: page.mjs URL [--widths 400,1280] [--schemes light,dark] [--screenshots FOLDER [--height N]]');
  const browser = await launch(options);
  for (const width of options.widths) {
    for (const scheme of options.schemes) {
      console.log(JSON.stringify(await look(browser, positionals[0], { width: Number(width), scheme, screenshots: options.screenshots, height: options.height })));
    }
  }
  await browser.close();
});
