// Plays what tests/recorder has recorded: <figure class="player" data-recording="greeting">.
//
// A recording is a list of steps. A step says what it adds to the terminals and to the wire, and
// where each thread stands then; so everything is put into the page once, and going to a step only
// shows what has happened until then. The step's number is in the page's address: #greeting=7.
//
// Before some steps the player asks what happens next. The questions are in the page, where they can be
// read without JavaScript and on paper: see tests/recorder/src/prediction.rs.

'use strict';

(() => {
    const SECONDS_A_STEP = 2.2;
    const players = [];

    // ----- small helpers -------------------------------------------------------------------

    function element(tag, className, parent, text) {
        const made = document.createElement(tag);
        if (className) made.className = className;
        if (text !== undefined) made.textContent = text;
        if (parent) parent.append(made);
        return made;
    }

    // A caption has `code` and *emphasis* in it, and nothing else.
    function richText(parent, text) {
        parent.replaceChildren();
        for (const part of text.split(/(`[^`]*`|\*[^*\s][^*]*\*)/)) {
            if (/^`.+`$/.test(part)) element('code', '', parent, part.slice(1, -1));
            else if (/^\*.+\*$/.test(part)) element('em', '', parent, part.slice(1, -1));
            else parent.append(part);
        }
    }

    // What is in an element of the page, to be shown in another place as well.
    function copy(original) {
        return [...original.cloneNode(true).childNodes];
    }

    function button(parent, label, sign, action) {
        const made = element('button', '', parent, sign);
        made.type = 'button';
        made.title = label;
        made.setAttribute('aria-label', label);
        made.addEventListener('click', action);
        return made;
    }

    // Whether a value has everything that a pattern names. Of a list it may have more, in any order.
    function fits(value, pattern) {
        if (Array.isArray(pattern)) return pattern.every((part) => value?.some((one) => fits(one, part)));
        if (typeof pattern !== 'object') return value === pattern;
        return Object.entries(pattern).every(([key, part]) => fits(value?.[key], part));
    }

    // What is Chinese on a terminal has its meaning in a table of the page. A number at its end may be
    // another one there.
    const meanings = new Map([...document.querySelectorAll('.meanings tr')].map((row) => {
        const [chinese, english] = [...row.cells].map((cell) => cell.textContent);
        return [chinese.replace(/\d+$/, ''), english];
    }));

    function meaningOf(line) {
        const said = line.trim().replace(/^\d+:/, ''); // without the label of the chat
        const [number] = said.match(/\d*$/);
        return meanings.get(said.replace(/\d+$/, ''))?.replace(/\d+(?=\.$)/, number);
    }

    // What tcpdump's flags are called in the book.
    function segmentName(arrow) {
        if (arrow.message) return '';
        const flags = arrow.flags.replace('.', '');
        const acknowledges = arrow.flags.includes('.');
        if (flags.includes('S')) return acknowledges ? 'SYN, ACK' : 'SYN';
        if (flags.includes('R')) return 'RST';
        if (flags.includes('F')) return 'FIN';
        return arrow.bytes ? '' : 'ACK';
    }

    // Characters that do not show are written as in Rust: \0, \x05.
    function readable(data) {
        const written = (one) => one === '\0' ? '\\0' : `\\x${one.charCodeAt(0).toString(16).padStart(2, '0')}`;
        return data.replace(/\n/g, '↵').replace(/[\0-\x1f]/g, written);
    }

    function segmentText(arrow) {
        const count = arrow.bytes && `${arrow.bytes.toLocaleString('en')} byte${arrow.bytes > 1 ? 's' : ''}`;
        const data = arrow.data && (/^([0-9a-f]{2} ?)+$/.test(arrow.data) ? arrow.data : `“${readable(arrow.data)}”`);
        const parts = arrow.message ? [arrow.message, data] : [data, segmentName(arrow)];
        const details = [];
        if (arrow.times) details.push(`${arrow.times} segments`);
        if (count) details.push(count);
        if (arrow.window !== undefined) details.push(`window ${arrow.window.toLocaleString('en')}`);
        if (arrow.after_ms !== undefined && arrow.after_ms >= 1) details.push(`after ${arrow.after_ms} ms`);
        return [parts.filter(Boolean).join(' '), details.join(', ')];
    }

    // ----- a player ------------------------------------------------------------------------

    class Player {
        constructor(figure, recording) {
            this.figure = figure;
            this.name = figure.dataset.recording;
            this.recording = recording;
            this.steps = this.withAllThreads(recording.steps);
            this.step = 0;
            this.parts = []; // whatever appears at some step: { node, step }
            this.arrows = []; // the rows of the wire, by their number from 1
            this.threads = this.threadNumbers();
            this.largestWindow = Math.max(1, ...this.steps.flatMap((step) => (step.wire ?? []).map((arrow) => arrow.window ?? 0)));
            this.severalPrograms = new Set(this.steps.flatMap((step) => step.threads.map((mark) => mark.terminal))).size > 1;
            this.predictions = this.findPredictions(recording.steps);
            this.build();
        }

        // The questions in the page about this recording. Each is asked before the step that fits the
        // last of its patterns.
        findPredictions(steps) {
            const sections = document.querySelectorAll(`section.prediction[data-recording="${this.name}"]`);
            return [...sections].map((section) => {
                let before = 0; // a step's number, from 1
                for (const pattern of JSON.parse(section.dataset.before)) {
                    before = 1 + steps.findIndex((step, index) => index >= before && fits(step, pattern));
                }
                const [options, reasons] = section.querySelectorAll('ol');
                const right = Number(section.dataset.right) - 1;
                return { section, before, right, question: section.querySelector('p'), options: options.children, reasons: reasons.children };
            });
        }

        // A step tells only of threads that stand elsewhere than before.
        withAllThreads(steps) {
            const standing = new Map();
            let moved = [];
            return steps.map((step) => {
                if (step.threads?.length) moved = step.threads;
                for (const mark of step.threads ?? []) standing.set(`${mark.terminal} ${mark.thread}`, mark);
                for (const [terminal, thread] of step.ended ?? []) standing.delete(`${terminal} ${thread}`);
                return { ...step, threads: [...standing.values()], moved };
            });
        }

        // Each thread has a colour, in the order in which they appear.
        threadNumbers() {
            const numbers = new Map();
            for (const step of this.steps) {
                for (const mark of step.threads) {
                    const key = `${mark.terminal} ${mark.thread}`;
                    if (!numbers.has(key)) numbers.set(key, numbers.size % 6);
                }
            }
            return numbers;
        }

        build() {
            const { figure, steps } = this;
            figure.replaceChildren();
            figure.tabIndex = 0;
            figure.dataset.steps = steps.length;
            figure.setAttribute('role', 'group');
            figure.setAttribute('aria-roledescription', 'recording');
            figure.setAttribute('aria-label', `A recorded run: ${this.name}. The arrow keys go through its ${steps.length} steps, and the numbers answer its questions.`);
            figure.style.setProperty('--terminals', this.recording.terminals.length);
            figure.style.setProperty('--screens', this.recording.terminals.filter((end) => !end.is_only_an_end).length);
            figure.classList.toggle('no-source', this.recording.sources.length === 0);
            this.buildControls();
            this.caption = element('p', 'caption', figure);
            this.caption.setAttribute('aria-live', 'polite');
            this.prediction = element('div', 'ask', figure);
            this.prediction.setAttribute('aria-live', 'polite');
            this.prediction.hidden = true;
            for (const { section } of this.predictions) section.classList.add('in-player');
            this.stage = element('div', 'stage', figure);
            this.buildSources(element('div', 'sources', this.stage));
            this.buildTerminals(element('div', 'terminals', this.stage));
            this.buildWire(element('div', 'wire', this.stage));
            figure.classList.toggle('no-wire', this.arrows.length === 0);
            this.links = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
            this.links.classList.add('links');
            this.links.setAttribute('aria-hidden', 'true');
            this.stage.append(this.links);
            richText(element('p', 'made-by', figure), `A real run, recorded by \`${this.recording.made_by}\`. ${this.whatIsShown()}`);
            new ResizeObserver(() => {
                if (this.active) this.intoView(this.active.list, this.active.place.row);
                this.drawLinks();
            }).observe(this.stage);
            this.stage.addEventListener('scroll', () => this.drawLinks(), true);
        }

        // What a reader has to know about a recording as a whole.
        whatIsShown() {
            if (this.recording.sources.length === 0) return 'Of what goes over the wire, only what is about somebody’s words is shown.';
            const named = [...this.threads.keys()].some((key) => / \d+$/.test(key));
            return `${named ? 'A thread is named after the port of its client. ' : ''}Being traced slows a program down, so it takes longer than usual.`;
        }

        buildControls() {
            const controls = element('div', 'controls', this.figure);
            const go = (step) => () => { this.pause(); this.show(step(), true); };
            button(controls, 'First step', '|◀', go(() => 1)).classList.add('first');
            button(controls, 'One step back (left arrow key)', '◀', go(() => this.step - 1)).classList.add('back');
            this.playButton = button(controls, 'Play', '▶ Play', () => this.timer ? this.pause() : this.play());
            this.playButton.classList.add('play');
            const forward = () => { this.pause(); this.forward(); };
            button(controls, 'One step forward (right arrow key)', '▶', forward).classList.add('forward');
            this.scrubber = element('input', 'scrubber', controls);
            this.scrubber.type = 'range';
            this.scrubber.min = 1;
            this.scrubber.max = this.steps.length;
            this.scrubber.setAttribute('aria-label', 'Step');
            this.scrubber.addEventListener('input', () => { this.pause(); this.show(Number(this.scrubber.value), true); });
            this.number = element('a', 'number', controls);
            this.number.title = 'The address of this step';
        }

        buildSources(parent) {
            this.lines = this.recording.sources.map((source) => {
                const box = element('section', 'source', parent);
                const header = element('header', '', box);
                element('span', 'title', header, source.file);
                const beyond = element('span', 'beyond', header);
                beyond.setAttribute('aria-hidden', 'true');
                const list = element('div', 'lines', box);
                list.tabIndex = -1;
                list.addEventListener('scroll', () => this.showBeyond());
                const rows = new Map();
                let last = null;
                for (const [number, text] of source.lines) {
                    // Anchors are left out of the listing, and so are functions that nobody enters.
                    if (last !== null && number > last + 3) element('div', 'gap', list, '⋯');
                    last = number;
                    const row = element('div', 'line', list);
                    element('span', 'line-number', row, number).setAttribute('aria-hidden', 'true');
                    const code = element('code', '', row, text);
                    code.style.setProperty('--indent', text.search(/\S|$/)); // a line that is broken keeps it
                    if (window.hljs && text.trim()) {
                        try { code.innerHTML = window.hljs.highlight('rust', text, true).value; } catch { /* plain */ }
                    }
                    rows.set(number, { row, marks: element('span', 'marks', row) });
                }
                return { box, list, rows, beyond };
            });
        }

        buildTerminals(parent) {
            this.screens = this.recording.terminals.map((terminal, index) => {
                const box = element('section', 'terminal', terminal.is_only_an_end ? undefined : parent);
                const header = element('header', '', box);
                element('b', '', header, index + 1);
                element('span', 'title', header, terminal.title);
                if (terminal.port) element('span', 'port', header, `:${terminal.port}`);
                const screen = element('pre', '', box);
                screen.setAttribute('aria-label', `Terminal ${index + 1}: ${terminal.title}`);
                return screen;
            });
            this.steps.forEach((step, index) => {
                for (const { terminal, text, typed } of step.screen ?? []) {
                    for (const line of text.split(/(?<=\n)/)) {
                        const node = element('span', typed ? 'typed' : '', this.screens[terminal - 1], line);
                        const meaning = meaningOf(line);
                        if (meaning) node.dataset.meaning = meaning;
                        this.parts.push({ node, step: index + 1 });
                    }
                }
            });
        }

        buildWire(parent) {
            const heads = element('div', 'heads', parent);
            this.recording.terminals.forEach((terminal, index) => {
                const head = element('span', '', heads);
                element('b', '', head, index + 1);
                head.append(terminal.is_only_an_end ? ` ${terminal.title}` : terminal.port ? ` port ${terminal.port}` : '');
            });
            this.wire = element('div', 'flow', parent);
            this.rows = element('ol', '', this.wire);
            this.recording.terminals.forEach((_, index) => {
                const lifeline = element('li', 'lifeline', this.rows);
                lifeline.setAttribute('aria-hidden', 'true');
                lifeline.style.setProperty('--lifeline', index);
            });
            this.steps.forEach((step, index) => {
                for (const arrow of step.wire ?? []) {
                    this.arrows.push(this.buildArrow(arrow));
                    this.parts.push({ node: this.arrows.at(-1), step: index + 1 });
                }
            });
            this.rows.setAttribute('aria-label', 'The segments on the wire');
        }

        buildArrow(arrow) {
            const [text, details] = segmentText(arrow);
            const row = element('li', 'arrow', this.rows);
            const [left, right] = [Math.min(arrow.from, arrow.to), Math.max(arrow.from, arrow.to)];
            row.style.setProperty('--left', left - 0.5);
            row.style.setProperty('--span', right - left);
            row.dataset.flags = arrow.flags;
            row.dataset.from = arrow.from;
            row.dataset.to = arrow.to;
            row.classList.add(arrow.from < arrow.to ? 'to-right' : arrow.from > arrow.to ? 'to-left' : 'to-itself');
            if (segmentName(arrow) === 'ACK' && arrow.window === undefined) row.classList.add('faint');
            if (arrow.times) row.classList.add('many');
            const label = element('span', 'label', row);
            element('span', 'what', label, text);
            if (details) element('small', '', label, ` ${details}`);
            if (arrow.window !== undefined) {
                const room = element('i', 'room', label);
                room.style.setProperty('--room', arrow.window / this.largestWindow);
            }
            const [from, to] = [arrow.from, arrow.to].map((number) => {
                const { is_only_an_end, title } = this.recording.terminals[number - 1];
                return is_only_an_end ? title : number;
            });
            const spoken = element('span', 'spoken', row, `from ${from} to ${to}`);
            label.append(spoken);
            element('i', 'line-of-arrow', row);
            return row;
        }

        // ----- going to a step -------------------------------------------------------------

        show(step, byHand) {
            step = Math.max(1, Math.min(this.steps.length, step || 1));
            if (byHand && step !== this.step) {
                history.replaceState(null, '', `#${this.name}=${step}`);
            }
            this.step = step;
            this.asked = null;
            this.showPrediction();
            const now = this.steps[step - 1];
            this.figure.dataset.step = step;
            this.scrubber.value = step;
            this.scrubber.setAttribute('aria-valuetext', `${step} of ${this.steps.length}`);
            this.number.textContent = `${step} / ${this.steps.length}`;
            this.number.href = `#${this.name}=${step}`;
            richText(this.caption, now.caption);
            for (const part of this.parts) {
                part.node.hidden = part.step > step;
                part.node.classList.toggle('fresh', part.step === step);
            }
            for (const screen of this.screens) screen.scrollTop = screen.scrollHeight;
            this.showArrows(now);
            this.showMarks(now);
            this.drawLinks();
        }

        showArrows(now) {
            this.arrows.forEach((arrow, index) => arrow.classList.toggle('cause', index + 1 === now.because));
            // A program that connects to itself, to wake itself up, is not shown as a client.
            const wakesItself = this.arrows.some((arrow) => arrow.matches('.to-itself:is(.fresh, .cause)'));
            this.figure.classList.toggle('wakes-itself', wakesItself);
            this.wire.scrollTop = this.wire.scrollHeight;
            const last = this.arrows.filter((arrow) => !arrow.hidden).at(-1);
            const cause = now.because && this.arrows[now.because - 1];
            if (last) this.intoView(this.wire, last);
            if (cause) this.intoView(this.wire, cause);
        }

        showMarks(now) {
            this.active = null;
            for (const { rows } of this.lines) {
                for (const { row, marks } of rows.values()) {
                    marks.replaceChildren();
                    row.className = 'line';
                }
            }
            for (const mark of now.threads) {
                const place = this.lines[mark.source]?.rows.get(mark.line);
                if (!place) continue;
                const thread = this.severalPrograms ? `${mark.terminal}·${mark.thread}` : mark.thread;
                const chip = element('span', `mark thread-${this.threads.get(`${mark.terminal} ${mark.thread}`)}`, place.marks);
                chip.dataset.thread = mark.thread;
                chip.dataset.terminal = mark.terminal;
                element('b', '', chip, thread);
                chip.append(` ${mark.call}`);
                if (mark.waits && mark.call !== 'wait') element('span', 'waiting', chip, ' waits');
                chip.classList.add(mark.waits ? 'waits' : 'returned');
                place.row.classList.add('marked');
                const isEvent = (now.calls ?? []).some((call) => call.terminal === mark.terminal && call.thread === mark.thread);
                if (isEvent) {
                    chip.classList.add('event');
                    place.row.classList.add('event');
                    this.active = { chip, terminal: mark.terminal, place, list: this.lines[mark.source].list };
                }
            }
            for (const shown of now.screen ?? []) {
                if (!shown.by) continue;
                const [, source, line] = shown.by;
                this.lines[source]?.rows.get(line)?.row.classList.add('prints');
            }
            // The threads that have moved last are seen and, if they fit, all others as well.
            for (const [index, { list, rows }] of this.lines.entries()) {
                const marked = [...list.querySelectorAll('.line.marked')];
                const moved = now.moved.filter((mark) => mark.source === index).map((mark) => rows.get(mark.line)?.row);
                const stands = moved.filter((row) => row?.matches('.marked'));
                for (const row of [marked.at(-1), marked[0], stands.at(-1), stands[0]]) {
                    if (row) this.intoView(list, row);
                }
            }
            for (const { box, list } of this.lines) {
                if (this.active) box.classList.toggle('current', list === this.active.list);
            }
            if (this.active) this.intoView(this.active.list, this.active.place.row);
            this.showBeyond();
        }

        // Threads that stand above or below what can be seen of the source are named in its head.
        showBeyond() {
            for (const { list, beyond } of this.lines) {
                const box = list.getBoundingClientRect();
                beyond.replaceChildren();
                for (const chip of list.querySelectorAll('.mark')) {
                    const { top, bottom } = chip.getBoundingClientRect();
                    const sign = bottom < box.top + 4 ? '↑' : top > box.bottom - 4 ? '↓' : undefined;
                    if (!sign) continue;
                    const name = `${sign} ${chip.firstChild.textContent}`;
                    element('span', chip.className.replace('mark', 'elsewhere'), beyond, name);
                }
            }
        }

        // Scrolls the box, and never the page.
        intoView(box, node) {
            const [outer, inner] = [box.getBoundingClientRect(), node.getBoundingClientRect()];
            const margin = Math.min(40, outer.height / 6);
            if (inner.top < outer.top + margin) box.scrollTop -= outer.top + margin - inner.top;
            if (inner.bottom > outer.bottom - margin) box.scrollTop += inner.bottom - outer.bottom + margin;
        }

        // One event, seen in three places: lines join the call with the arrow that made it return,
        // with what it sent, and with what its thread printed.
        drawLinks() {
            this.links.replaceChildren();
            if (!this.active || getComputedStyle(this.links).display === 'none') return;
            const stage = this.stage.getBoundingClientRect();
            const now = this.steps[this.step - 1];
            const visible = (node) => {
                const box = node.closest('.lines, .flow, pre').getBoundingClientRect();
                const own = node.getBoundingClientRect();
                const middle = (own.top + own.bottom) / 2;
                return own.width > 0 && middle > box.top && middle < box.bottom;
            };
            const join = (from, to, kind) => {
                if (!visible(from) || !visible(to)) return;
                const [a, b] = [from.getBoundingClientRect(), to.getBoundingClientRect()];
                const [x1, y1] = [a.right - stage.left, (a.top + a.bottom) / 2 - stage.top];
                const [x2, y2] = [b.left - stage.left - 3, (b.top + b.bottom) / 2 - stage.top];
                const bend = Math.max(30, Math.abs(x2 - x1) / 2);
                const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
                path.setAttribute('d', `M${x1} ${y1} C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`);
                path.classList.add(kind);
                this.links.append(path);
            };
            if (now.because) join(this.active.chip, this.arrows[now.because - 1].querySelector('.line-of-arrow'), 'cause');
            const sent = this.arrows.find((row) => row.classList.contains('fresh') && !row.classList.contains('faint')
                && Number(row.dataset.from) === this.active.terminal);
            if (sent && !now.because) join(this.active.chip, sent.querySelector('.line-of-arrow'), 'effect');
            const printed = this.screens[this.active.terminal - 1].querySelector('.fresh:not(.typed)');
            if (printed) join(this.active.chip, printed, 'effect');
        }

        // ----- predictions -----------------------------------------------------------------

        // Goes one step forward, but first asks what happens there. A reader who goes forward once more
        // passes. What was answered or passed is not asked again.
        forward() {
            const next = this.predictions.find(({ before }) => before === this.step + 1);
            if (next && !next.done && this.asked !== next) return this.ask(next);
            if (next) next.done = true;
            this.show(this.step + 1, true);
        }

        ask(prediction) {
            this.pause();
            this.asked = prediction;
            this.prediction.hidden = false;
            this.prediction.replaceChildren();
            const question = element('p', 'question', this.prediction);
            element('strong', '', question, 'What happens next? ');
            question.append(...copy(prediction.question));
            const choices = element('ol', 'choices', this.prediction);
            [...prediction.options].forEach((option, index) => {
                const choice = element('button', '', element('li', '', choices));
                choice.type = 'button';
                choice.addEventListener('click', () => this.choose(index));
                element('b', '', choice, `${index + 1} `);
                element('span', '', choice).append(...copy(option));
            });
            button(element('li', '', choices), 'Pass (right arrow key)', 'Pass ▶', () => this.choose());
        }

        // What the recording does is the answer. Without an index the reader passes.
        choose(index) {
            this.asked.chosen = index;
            this.forward();
            this.figure.focus({ preventScroll: true }); // the button is gone
        }

        // What there is to say of the option that was chosen stands beside the step that answers.
        showPrediction() {
            const answered = this.predictions.find(({ before, chosen }) => before === this.step && chosen !== undefined);
            this.prediction.hidden = !answered;
            this.prediction.replaceChildren();
            if (!answered) return;
            const { chosen, right, options, reasons } = answered;
            for (const index of new Set([chosen, right])) {
                const verdict = element('p', index === right ? 'happens' : 'does-not', this.prediction);
                const mark = index === right ? '✓' : '✗';
                element('strong', '', verdict, `${mark} ${index === chosen ? 'You said:' : 'What happens:'} `);
                verdict.append(...copy(options[index]), ' ');
                element('span', 'reason', verdict).append(...copy(reasons[index]));
            }
        }

        // ----- playing ---------------------------------------------------------------------

        play() {
            if (this.step === this.steps.length) this.show(1, true);
            this.timer = setInterval(() => {
                this.forward();
                if (this.step === this.steps.length) this.pause();
            }, SECONDS_A_STEP * 1000);
            this.label('Pause', '⏸ Pause');
        }

        pause() {
            clearInterval(this.timer);
            this.timer = null;
            this.label('Play', '▶ Play');
        }

        label(text, sign) {
            this.playButton.textContent = sign;
            this.playButton.title = text;
            this.playButton.setAttribute('aria-label', text);
        }

        key(event) {
            const steps = { ArrowLeft: this.step - 1, Home: 1, End: this.steps.length };
            const onButton = event.target.closest?.('button, a');
            if (event.key === 'ArrowRight') {
                this.pause();
                this.forward();
            } else if (event.key in steps) {
                this.pause();
                this.show(steps[event.key], true);
            } else if (this.asked?.options[event.key - 1]) {
                this.choose(event.key - 1);
            } else if (event.key === ' ' && !onButton) {
                this.timer ? this.pause() : this.play();
            } else {
                return;
            }
            // mdBook would turn the page.
            event.preventDefault();
            event.stopPropagation();
        }
    }

    // ----- the page ------------------------------------------------------------------------

    // The player that has the focus gets the keys. If none has, arrows and numbers go to the one of
    // which the window shows most: elsewhere an arrow turns the page, and a reader of a player wants to stay.
    function playerForKeys(event) {
        const focused = players.find((player) => player.figure.contains(event.target));
        if (focused) return focused;
        if (event.target.closest?.('input, textarea, select')) return undefined;
        if (!/^(ArrowLeft|ArrowRight|[1-9])$/.test(event.key)) return undefined;
        const seen = ({ figure }) => {
            const box = figure.getBoundingClientRect();
            return Math.min(box.bottom, innerHeight) - Math.max(box.top, 0);
        };
        const [most] = [...players].sort((one, other) => seen(other) - seen(one));
        return most && seen(most) > 0 ? most : undefined;
    }

    window.addEventListener('keydown', (event) => {
        if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
        playerForKeys(event)?.key(event);
    }, true);

    function openAddress() {
        const [, name, step] = location.hash.match(/^#([\w.-]+)=(\d+)$/) ?? [];
        const player = players.find((player) => player.name === name);
        if (!player) return;
        player.pause();
        player.show(Number(step), false);
        player.figure.scrollIntoView({ block: 'start' });
        player.figure.focus({ preventScroll: true });
    }

    // A recording is a script that puts itself into `recordings`: a page that was opened as a file
    // may run a script, but may fetch nothing.
    async function load(name) {
        const script = document.createElement('script');
        script.src = `recordings/${name}.js`;
        await new Promise((resolve, reject) => {
            script.onload = resolve;
            script.onerror = () => reject(new Error(`there is no ${script.src}`));
            document.head.append(script);
        });
        return window.recordings[name];
    }

    async function start(figure) {
        const name = figure.dataset.recording;
        try {
            const player = new Player(figure, await load(name));
            players.push(player);
            player.show(1, false);
        } catch (error) {
            console.warn(`cannot play ${name}: ${error.message}`);
            figure.replaceChildren();
            element('p', 'caption', figure, `The recording ${name} cannot be loaded. The transcript on this page shows the same run.`);
        }
    }

    // What is printed is the transcripts.
    if (!location.pathname.endsWith('/print.html')) {
        const figures = document.querySelectorAll('figure.player[data-recording]');
        Promise.all([...figures].map(start)).then(openAddress);
        window.addEventListener('hashchange', openAddress);
    }
})();
