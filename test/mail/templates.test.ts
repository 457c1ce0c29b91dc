import { describe, expect, it } from 'vitest';
import type { User } from '../../src/database/generated/prisma/client.ts';
import { renderEmail } from '../../src/mail/render.ts';
import { type EmailTemplateName, emailTemplates, type TemplateData } from '../../src/mail/templates/registry.ts';
import type { EmailTemplate, LinkEmailTemplate } from '../../src/mail/templates/template.ts';

const origin = { network: '192.0.2.7', agent: 'Mozilla/5.0 (X11; Linux x86_64)' };

/** Template data of each email for the snapshots. */
const data: { [Name in EmailTemplateName]: TemplateData<Name> } = {
  accessReset: {},
  accountDeleted: { until: '2030-05-01T12:00:00Z', byAdministrator: true },
  alreadyRegistered: origin,
  apiTokenCreated: {
    description: 'Nightly build',
    scopes: ['users:read', 'tokens:read'],
    createdAt: '2030-05-01T12:00:00Z',
    expiresAt: '2030-07-30T12:00:00Z',
    ...origin,
  },
  emailChangeConfirmation: origin,
  emailChanged: origin,
  emailConfirmation: {},
  emailMarkedConfirmed: origin,
  invitation: { by: 'Ada', to: 'The North' },
  newLogin: origin,
  passwordChanged: origin,
  passwordReset: origin,
  tokenReused: origin,
  usernameReminder: origin,
  welcome: {},
};

/** Values that only the server writes. */
const serverValues = new Set(['network', 'until', 'createdAt', 'expiresAt']);

const link = {
  url: 'https://id.example.com/page?token=fgl_…',
  code: '12345678',
  page: 'https://id.example.com/page?code',
  validity: 'for 30 minutes (until 1 May 2030 at 12:00 UTC)',
};

/** Renders an email to a user with that name. */
function render(name: EmailTemplateName, data: object, displayName = 'Ada') {
  const user = { email: 'ada@example.com', displayName, username: displayName } as unknown as User;
  const template = emailTemplates[name] as EmailTemplate<object> | LinkEmailTemplate<object>;
  return renderEmail('link' in template ? template.write(data, user, link) : template.write(data, user));
}

const names = Object.keys(data) as EmailTemplateName[];

describe('email templates', () => {
  it.each(names)('match their snapshot: %s', (name) => {
    const { subject, text, html } = render(name, data[name]);
    expect(`${subject}\n\n${text}\n${html}`).toMatchSnapshot();
  });

  it('name the server in an invitation without a domain', () => {
    expect(render('invitation', { by: 'Ada', to: null }).text).toContain('Ada has invited you to id.example.com.');
  });

  it('are all covered here', () => {
    expect(names.sort()).toEqual(Object.keys(emailTemplates).sort());
  });

  it.each(names)('escape hostile data as HTML, links and headers: %s', (name) => {
    const hostile = '"><script src=//evil.example>\r\nBcc: eve@evil.example\r\n\u202Ehttps://evil.example/reset';
    const entries = Object.entries(data[name]).map(([key, value]) => [
      key,
      typeof value === 'string' && !serverValues.has(key) ? hostile : value,
    ]);
    const { subject, text, html } = render(name, Object.fromEntries(entries), hostile);
    expect(html).not.toContain('<script');
    for (const part of [text, html]) {
      expect(part).not.toMatch(/evil\.example|https:\/\/(?!id\.example\.com)/);
      expect(part).not.toMatch(/^Bcc|\u202E/m);
    }
    expect(subject).not.toMatch(/[\r\n]/);
  });
});
