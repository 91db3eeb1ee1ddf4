import { isIPv6 } from 'node:net'

/** The hosts of nearly all requests, told apart faster. */
const common = /^[\w.-]+(?::\d{1,4})?$/

/** uri-host [ ":" port ] of RFC 9110, section 7.2. The address of an IP version to come is not accepted. */
const authority = /^(?:\[([\da-f:.]+)\]|(?:[\w.~!$&'()*+,;=-]|%[\da-f]{2})*)(?::(\d*))?$/i

/** Whether `value` is a host with an optional port from 0 to 65535. An empty host is one, as in RFC 9110. */
export function isHost(value: string): boolean {
  if (common.test(value)) return true
  const [match, ipv6, port = ''] = authority.exec(value) ?? []
  return match !== undefined && (ipv6 === undefined || isIPv6(ipv6)) && Number(port) <= 65_535
}
