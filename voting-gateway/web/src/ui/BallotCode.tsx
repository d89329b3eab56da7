/** A ballot code in its eight groups, copied and read aloud as one. */
export function BallotCode({ code }: { code: string }) {
  const groups = code.split('-');
  return (
    <span className="code" data-code={code}>
      {groups.map((group, index) => (
        <span key={index}>
          {group}
          {index < groups.length - 1 && <span className="visually-hidden">-</span>}
        </span>
      ))}
    </span>
  );
}
