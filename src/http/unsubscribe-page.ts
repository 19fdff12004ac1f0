import type { EmailTopic } from '../users/user.entity';

/** How the pages name each topic. */
const topics: Readonly<Record<EmailTopic, string>> = {
  marketing: 'offers and campaigns',
  newsletter: 'the newsletter',
  recommendations: 'recommended products',
  loyalty: 'the loyalty programme',
  orderUpdates: 'your orders',
};

/** Headers that forbid scripts, subresources and framing. The form can post only to its own URL. */
export const unsubscribePageHeaders = {
  'content-security-policy':
    "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
  'cache-control': 'no-store',
  // The URL contains the token that authorises unsubscribing.
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-robots-tag': 'noindex',
} as const;

/** Returns the page that asks for confirmation. `GET` must not unsubscribe, because mail scanners follow links. */
export function confirmationPage(topic: EmailTopic): string {
  return page(
    'Unsubscribe',
    `<p>Stop receiving e-mail about ${topics[topic]}?</p>
<form method="post"><button name="List-Unsubscribe" value="One-Click">Unsubscribe</button></form>`,
  );
}

export function donePage(topic: EmailTopic): string {
  return page('Unsubscribed', `<p>You will no longer receive e-mail about ${topics[topic]}.</p>`);
}

/** Returns a page with one sentence of error. The sentence must not repeat anything from the request. */
export function errorPage(sentence: string): string {
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
