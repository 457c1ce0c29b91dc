import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { setupToken } from '../../src/identity/accounts/first-superadmin.ts';
import { startTestServer } from '../test-server.ts';
import { isMissing, newPage, type WatchedPage } from './chromium.ts';
import { loginErrorCode, password, passwordResetEmail, registerUser } from './page-client.ts';

const newPassword = 'nine amber foxes fold a paper crane';

describe.skipIf(isMissing)('the pages in a browser', async () => {
  const server = await startTestServer({ REQUIRE_EMAIL_CONFIRMATION: 'true' });
  let watched: WatchedPage;
  beforeEach(async () => {
    watched = await newPage();
  });
  afterEach(async () => {
    expect(watched.complaints).toEqual([]);
    expect([...watched.origins]).toEqual([new URL(server.url).origin]);
    await watched.page.context().close();
  });

  /** Opens the link in the text of an email. */
  const follow = ({ text }: { text: string }) =>
    watched.page.goto((/http:\S+token=\S+/.exec(text)?.[0] ?? '').replace(server.config.PUBLIC_URL, server.url));
  const heading = () => watched.page.getByRole('heading', { level: 1 }).textContent();
  const press = async (...keys: string[]) => {
    for (const key of keys) await watched.page.keyboard.press(key);
  };

  it('let a user register, confirm the address with the keyboard alone, and log in', async () => {
    const { email, mail } = await registerUser(server);
    await follow(mail);
    await press('Tab');
    await watched.page.keyboard.type(password);
    await press('Enter');
    await expect.poll(heading).toBe('Email address confirmed');
    expect(await loginErrorCode(server, email, password)).toBeUndefined();
  });

  it('let the owner of an address that an attacker registered remove the password and choose a new one', async () => {
    const { email, id, mail } = await registerUser(server);
    await follow(mail);
    await press('Tab', 'Tab', 'Tab', 'Enter');
    await expect.poll(heading).toBe('Email address confirmed');
    await watched.page.getByRole('link', { name: 'Choose a new one' }).click();
    await watched.page.getByLabel('Email address').fill(email);
    await press('Enter');
    await expect.poll(heading).toBe('Check your email');
    await follow(await passwordResetEmail(server, { email, id }));
    await watched.page.getByLabel('New password').fill(newPassword);
    await press('Enter');
    await expect.poll(heading).toBe('Password changed');
    expect(await loginErrorCode(server, email, newPassword)).toBeUndefined();
  });

  it('show a weak password at its field, focus the field, and keep the link valid', async () => {
    const alice = await registerUser(server);
    await follow(await passwordResetEmail(server, alice));
    const field = watched.page.getByLabel('New password');
    await field.fill('short');
    await press('Enter');
    await expect.poll(() => watched.page.getByRole('alert').textContent()).toContain('at least 15 characters');
    expect(await watched.page.title()).toMatch(/^Error: /);
    expect(await field.getAttribute('aria-describedby')).toContain(await watched.page.getByRole('alert').getAttribute('id'));
    expect([await field.inputValue(), await field.evaluate((element) => element.matches(':focus'))]).toEqual(['', true]);
    await watched.page.keyboard.type(newPassword);
    await press('Enter');
    await expect.poll(heading).toBe('Password changed');
  });

  it('show no secrets after going back, and reject a second use of the link', async () => {
    const alice = await registerUser(server);
    await follow(await passwordResetEmail(server, alice));
    await watched.page.getByLabel('New password').fill(newPassword);
    await press('Enter');
    await expect.poll(heading).toBe('Password changed');
    await watched.page.goBack({ waitUntil: 'commit' });
    expect(await watched.page.getByLabel('New password').inputValue()).toBe('');
    await watched.page.getByLabel('New password').fill('four blue owls count the rain');
    await press('Enter');
    await expect.poll(heading).toBe('Invalid link');
    expect(await loginErrorCode(server, alice.email, newPassword)).toBe(undefined);
  });

  it('create the first administrator with the setup link and the keyboard, and no second one after going back', async () => {
    const token = setupToken(server) ?? '';
    await watched.page.goto(`${server.url}/setup?token=${encodeURIComponent(token)}`);
    await press('Tab');
    await watched.page.keyboard.type('ada@example.com');
    await press('Tab', 'Tab');
    await watched.page.keyboard.type('short');
    await press('Enter');
    await expect.poll(() => watched.page.getByRole('alert').textContent()).toContain('at least 15 characters');
    await watched.page.keyboard.type(newPassword);
    await press('Enter');
    await expect.poll(heading).toBe('Administrator created');
    expect(await loginErrorCode(server, 'ada@example.com', newPassword)).toBeUndefined();
    await watched.page.goto(`${server.url}/setup`);
    await watched.page.getByLabel('Setup token').fill(token);
    await watched.page.getByLabel('Email address').fill('eve@example.com');
    await watched.page.getByLabel('New password').fill(newPassword);
    await press('Enter');
    await expect.poll(heading).toBe('No administrator was created');
    await watched.page.getByRole('link', { name: 'Enter the setup token again' }).click();
    await expect.poll(heading).toBe('Create the first administrator');
    expect(await watched.page.getByLabel('Setup token').inputValue()).toBe('');
  });

  it('fit a phone screen and support dark mode', async () => {
    const { page } = watched;
    await page.emulateMedia({ colorScheme: 'dark' });
    for (const path of [
      '/confirm?token=x',
      '/confirm',
      '/reset?token=x',
      '/reset',
      '/invite?token=x',
      '/setup?token=x',
      '/setup',
      '/dev/mails',
    ]) {
      await page.goto(server.url + path);
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(320);
      expect(await page.evaluate('getComputedStyle(document.body).color')).toBe('rgb(255, 255, 255)');
      expect(await page.getByRole('heading', { level: 1 }).count()).toBe(1);
      for (const input of await page.locator('input:not([type=hidden])').all())
        expect(await input.evaluate((one) => (one as { labels?: { length: number } }).labels?.length)).toBe(1);
    }
  });
});
