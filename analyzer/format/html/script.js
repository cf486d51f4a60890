
"use strict";
(function () {
	const root = document.documentElement;

	/* --- Colours: as the system has them, unless chosen here ------------------------------------------------------- */

	const button = document.getElementById("theme");
	const systemDark = window.matchMedia("(prefers-color-scheme: dark)");

	function isDark() {
		return root.dataset.theme ? root.dataset.theme === "dark" : systemDark.matches;
	}

	function nameButton() {
		button.textContent = isDark() ? "Light colours" : "Dark colours";
	}

	/* A page opened from a file may have no storage. */
	function stored(theme) {
		try {
			if (theme)
				localStorage.setItem("socksan-theme", theme);
			return localStorage.getItem("socksan-theme");
		} catch (error) {
			return null;
		}
	}

	const chosen = stored();
	if (chosen === "dark" || chosen === "light")
		root.dataset.theme = chosen;
	button.hidden = false;
	nameButton();
	systemDark.addEventListener("change", nameButton);
	button.addEventListener("click", function () {
		root.dataset.theme = isDark() ? "light" : "dark";
		stored(root.dataset.theme);
		nameButton();
	});

	/* --- Filters ----------------------------------------------------------------------------------------------------- */

	const form = document.getElementById("filters");
	if (!form)
		return;

	const incidents = Array.from(document.querySelectorAll("article.incident"), function (element) {
		return {
			element: element,
			severity: [element.dataset.severity],
			kind: [element.dataset.kind],
			process: element.dataset.process.split("\n"),
			label: element.dataset.label ? [element.dataset.label] : [],
			text: null,
		};
	});
	const bars = Array.from(document.querySelectorAll(".overview .process"));
	const fields = ["severity", "kind", "process", "label"];
	const selects = {};
	const text = document.getElementById("filter-text");
	const count = document.getElementById("filter-count");

	/* What occurs, and how often. */
	function fill(field) {
		const select = document.getElementById("filter-" + field);
		const counts = new Map();

		for (const incident of incidents)
			for (const value of incident[field])
				counts.set(value, (counts.get(value) || 0) + 1);
		for (const [value, number] of counts)
			select.append(new Option(value + " (" + number + ")", value));
		selects[field] = select;
		return counts.size;
	}

	function textOf(incident) {
		if (incident.text === null)
			incident.text = incident.element.textContent.toLowerCase();
		return incident.text;
	}

	function matches(incident, words) {
		for (const field of fields)
			if (selects[field].value && !incident[field].includes(selects[field].value))
				return false;
		return words.every(function (word) {
			return textOf(incident).includes(word);
		});
	}

	function apply() {
		const words = text.value.toLowerCase().split(/\s+/).filter(Boolean);
		let shown = 0;

		for (const incident of incidents) {
			const match = matches(incident, words);

			incident.element.hidden = !match;
			shown += match;
		}
		for (const bar of bars)
			bar.classList.toggle("faded",
				selects.process.value !== "" && bar.dataset.process !== selects.process.value);
		count.textContent = shown === incidents.length
			? "All " + shown + " are shown."
			: shown + " of " + incidents.length + " are shown.";
	}

	/* Typing is answered when it pauses: a large page takes a moment. */
	let timer = 0;
	function applySoon() {
		clearTimeout(timer);
		timer = setTimeout(apply, 120);
	}

	/* A link to an incident that the filters hide shows it all the same. */
	function reveal() {
		const target = location.hash.length > 1 && document.getElementById(location.hash.slice(1));

		if (target && target.hidden) {
			form.reset();
			apply();
			target.scrollIntoView();
		}
	}

	for (const field of fields)
		fill(field);
	document.getElementById("filter-label-field").hidden = selects.label.options.length < 2;
	form.hidden = false;
	form.addEventListener("submit", function (event) {
		event.preventDefault();
		apply();
	});
	form.addEventListener("reset", function () {
		setTimeout(apply, 0);
	});
	for (const field of fields)
		selects[field].addEventListener("change", apply);
	text.addEventListener("input", applySoon);
	window.addEventListener("hashchange", reveal);
	apply();
})();
