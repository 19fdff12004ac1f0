import type { EmailTopic } from '../users/user.entity';

/** What a person is told about a topic. */
const topics: Readonly<Record<EmailTopic, string>> = {
  marketing: 'offers and campaigns',
  newsletter: 'the newsletter',
  recommendations: 'recommended products',
  loyalty: 'the loyalty programme',
  orderUpdates: 'your orders',
};

/** Nothing runs, loads or frames these pages; their one form goes back to where it came from. */
export const unsubscribePageHeaders = {
  'content-security-policy':
    "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
  'cache-control': 'no-store',
  // The address of the page is what lets its holder unsubscribe.
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-robots-tag': 'noindex',
} as const;

/** Asks a person before anything changes: mail scanners follow links, too. */
export function askingPage(topic: EmailTopic): string {
  return page(
    'Unsubscribe',
    `<p>Do you want no more e-mail about ${topics[topic]}?</p>
<form method="post"><button name="List-Unsubscribe" value="One-Click">Unsubscribe</button></form>`,
  );
}

export function donePage(topic: EmailTopic): string {
  return page('Unsubscribed', `<p>You will get no more e-mail about ${topics[topic]}.</p>`);
}

/** A refusal in a sentence, which repeats nothing of the request. */
export function refusingPage(sentence: string): string {
  return page('Unsubscribe', `<p>${sentence}</p>`);
}

function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title></head>
<body>
<h1>${title}</h1>
${body}
</body>
</html>
`;
}
