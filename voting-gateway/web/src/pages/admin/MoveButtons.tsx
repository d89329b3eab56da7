import { Button } from '../../ui/Button';
import { Icon } from '../../ui/Icon';

interface MoveButtonsProps {
  /** Names the buttons for the focus, which follows what is moved. */
  focusKey: string;
  place: number;
  count: number;
  labels: { up: string; down: string; remove: string };
  onMove: (to: number, button: string) => void;
  onRemove: () => void;
}

/** Moves one of several things up or down, or takes it away. */
export function MoveButtons({ focusKey, place, count, labels, onMove, onRemove }: MoveButtonsProps) {
  return (
    <div className="option-buttons">
      <Button className="button-icon" data-focus={`${focusKey}-up`} aria-label={labels.up} aria-disabled={place === 0} onClick={() => onMove(place - 1, 'up')}>
        <Icon name="up" />
      </Button>
      <Button
        className="button-icon"
        data-focus={`${focusKey}-down`}
        aria-label={labels.down}
        aria-disabled={place === count - 1}
        onClick={() => onMove(place + 1, 'down')}
      >
        <Icon name="down" />
      </Button>
      <Button className="button-icon" aria-label={labels.remove} onClick={onRemove}>
        <Icon name="close" />
      </Button>
    </div>
  );
}
