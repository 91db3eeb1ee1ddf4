import { isIP } from 'node:net'

/** Formats of variables, besides those of ajv-formats. */
export const formats = {
  host: (text: string) => isIP(text) > 0 || /^(?![\d.]+$)\w([\w.-]*\w)?$/.test(text),
  origin: (text: string) => /^https?:[^*]+$/.test(text) && URL.canParse(text) && new URL(text).origin === text,
  proxy(text: string) {
    if (['loopback', 'linklocal', 'uniquelocal'].includes(text)) return true
    const [, address = '', prefix = '1'] = /^([^/]+)(?:\/([1-9]\d*))?$/.exec(text) ?? []
    return isIP(address) > 0 && Number(prefix) <= (isIP(address) === 6 ? 128 : 32)
  }
}

/** What a format allows, in words, for the messages of faults. */
export const formatNames: Readonly<Record<string, string>> = {
  host: 'an IP address or a host name',
  origin: 'an origin such as https://app.example.com',
  proxy: 'an IP address, a CIDR range, loopback, linklocal or uniquelocal',
  uri: 'a URL',
  url: 'a URL',
  'uri-reference': 'a URL or a path',
  email: 'an email address',
  hostname: 'a host name',
  ipv4: 'an IPv4 address',
  ipv6: 'an IPv6 address',
  uuid: 'a UUID',
  date: 'a date such as 2026-01-31',
  time: 'a time such as 12:30:00Z',
  'date-time': 'a date and time such as 2026-01-31T12:30:00Z',
  duration: 'a duration such as PT30S',
  regex: 'a regular expression'
}
