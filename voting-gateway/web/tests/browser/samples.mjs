// Elections of every kind of ballot, for tests and pictures.
const options = (...names) => names.map((name) => ({ name }));

export const RANKED = {
  title: 'Choir board',
  description: 'Three of five are elected, by single transferable vote.',
  contests: [
    {
      title: 'Who should sit on the board?',
      method: 'scottish-stv',
      seats: 3,
      options: [
        { name: 'Nadia Rahmani', description: 'Alto, treasurer since 2021' },
        { name: 'Tomasz Zieliński', description: 'Bass' },
        { name: 'Ines Moreau' },
        { name: 'Kwame Boateng', description: 'Tenor, plans the summer tour' },
        { name: 'Grete Lindqvist' },
      ],
    },
  ],
};

export const SHARED = {
  title: 'Next year’s programme',
  contests: [{ title: 'Which pieces do you prefer?', method: 'schulze', options: options('St John Passion', 'Ein deutsches Requiem', 'Carmina Burana', 'Elijah') }],
};

export const MIXED = {
  title: 'Annual assembly',
  description: 'Several questions on one ballot paper.',
  revote: 'last-counts',
  contests: [
    { title: 'Shall the fee rise to 60 €?', method: 'plurality', options: options('Yes', 'No') },
    { title: 'Who audits the accounts?', method: 'plurality', max: 2, seats: 2, options: options('Ada', 'Ben', 'Cleo', 'Dan') },
    { title: 'How do you like these venues?', method: 'score', max_score: 5, options: options('Town hall', 'School', 'Riverside café') },
  ],
};

const NASTY = '<img src=x onerror=alert(1)>"\'`&lt;{t}';
export const HOSTILE = {
  title: `${NASTY} title`,
  description: '<script>alert(2)</script> javascript:alert(3) {count, plural, one {x}}',
  contests: [{ title: `${NASTY} question`, method: 'plurality', options: [{ name: NASTY, description: '<style>*{display:none}</style>' }, { name: 'W'.repeat(250) }] }],
};
