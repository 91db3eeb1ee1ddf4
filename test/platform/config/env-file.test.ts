import t from 'tap'
import { parseEnvFile } from '#src/platform/config/env-file'

const cases: [name: string, text: string, values: Record<string, string>, unreadable: [number, string][]][] = [
  ['assignments', 'A=1\n B = 2 \nexport C=3\nexport\t  D=4\n', { A: '1', B: '2', C: '3', D: '4' }, []],
  ['comments and blank lines', '# A: 1\n\n  \t\n #\nA=1 # one\nB=# none\n', { A: '1', B: '' }, []],
  ['lines that end with CR LF', 'A=1\r\nB: 2\r\nC=3\r\n', { A: '1', C: '3' }, [[2, 'B']]],
  ['a byte-order mark', '\uFEFFA=1', { A: '1' }, []],
  ['no value, then blanks', 'A= \nB=\t\nC=1\n', { A: '', B: '', C: '1' }, []],
  ['quotes', 'A="x # y" # z\nB=\'x"y\'\nC=`x`\n', { A: 'x # y', B: 'x"y', C: 'x' }, []],
  ['a value over several lines', 'A="-----\nb: c\nd==\n-----"\nB=1', { A: '-----\nb: c\nd==\n-----', B: '1' }, []],
  ['a quote that is never closed', 'A="x\nB=1', { B: '1' }, [[1, 'A']]],
  [
    'a colon',
    'A: 1\nB=1\nC:2=3',
    { B: '1' },
    [
      [1, 'A'],
      [3, 'C']
    ]
  ],
  [
    'no sign at all',
    'A\nexport B\nC=1\nD 1',
    { C: '1' },
    [
      [1, 'A'],
      [2, 'B'],
      [4, 'D']
    ]
  ],
  [
    'another language',
    'set A=1\n"B"=2\n{"C": 1}\n=1\n---',
    {},
    [
      [1, 'set'],
      [2, 'B'],
      [3, 'C'],
      [4, ''],
      [5, '']
    ]
  ],
  ['bytes that are not UTF-8', 'A=caf\uFFFD\nB=1\n# caf\uFFFD', { B: '1' }, [[1, 'A']]],
  [
    'UTF-16',
    '\uFFFD\uFFFDA\0=\x001\0\n\0#\0\n\0B\0=\x002\0',
    {},
    [
      [1, 'A'],
      [3, 'B']
    ]
  ]
]

for (const [name, text, values, unreadable] of cases) {
  t.test(name, async (t) => {
    const file = parseEnvFile(text)
    t.strictSame({ ...file.values }, values)
    t.strictSame([...file.unreadable], unreadable)
  })
}
